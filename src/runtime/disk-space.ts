/** Watches the free space of the disk: before it is used up, writes are refused and leadership is given away, until there is room again. */
import type { Clock, Timer } from '../contracts/clock.ts'
import type { RuntimeEvent } from '../contracts/observer.ts'
import type { Storage } from '../contracts/storage.ts'
import { RaftError } from '../errors.ts'

export interface DiskSpaceParts {
  readonly storage: Pick<Storage, 'freeBytes'>
  readonly clock: Clock
  readonly freeBytesMin: number
  readonly checkMs: number
  readonly emit: (event: RuntimeEvent) => void
  /** There is too little; said at each look, for leadership may have come to this node since, or could not be handed over. */
  readonly onLow: () => void
}

/** Once low, this much more than the minimum must be free before writes are taken again: no flapping at the edge. */
const RECOVERY_FACTOR = 1.25

export class DiskSpace {
  readonly #parts: DiskSpaceParts
  #freeBytes: number | undefined
  #isLow = false
  #isStopped = false
  #timer: Timer | undefined

  constructor(parts: DiskSpaceParts) {
    this.#parts = parts
  }

  /** As of the last look; undefined if the storage cannot know. */
  get freeBytes(): number | undefined {
    return this.#freeBytes
  }

  /** Why nothing may be written now, or undefined if it may. */
  get writeError(): RaftError | undefined {
    if (!this.#isLow) return undefined
    const { freeBytesMin: neededBytes } = this.#parts
    const freeBytes = this.#freeBytes ?? 0
    const message = `the disk is nearly full: ${freeBytes} bytes are free, ${neededBytes} must be`
    return new RaftError('ERR_RAFT_NO_SPACE', message, {
      hint: 'make room; writes are taken again by themselves',
      details: { freeBytes, neededBytes },
    })
  }

  /** Looks now and from time to time; not at all if it is switched off or the storage cannot know. */
  async watch(): Promise<void> {
    const { storage, clock, checkMs, freeBytesMin } = this.#parts
    if (freeBytesMin === 0) return
    const free = await storage.freeBytes().catch(() => undefined)
    if (this.#isStopped || free === undefined) return
    this.#onChecked(free)
    this.#timer = clock.wakeAt(clock.now() + checkMs, () => void this.watch())
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  #onChecked(freeBytes: number): void {
    const { freeBytesMin: neededBytes, emit, onLow } = this.#parts
    this.#freeBytes = freeBytes
    if (!this.#isLow && freeBytes < neededBytes) {
      this.#isLow = true
      emit({ type: 'spaceLow', freeBytes, neededBytes })
    } else if (this.#isLow && freeBytes >= neededBytes * RECOVERY_FACTOR) {
      this.#isLow = false
      emit({ type: 'spaceBack', freeBytes })
    }
    if (this.#isLow) onLow()
  }
}
