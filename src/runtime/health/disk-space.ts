/** Checks the free disk space: while it is low, a leader transfers leadership away or rejects proposals, and others do not take it. */
import type { Clock, Timer } from '../../contracts/clock.ts'
import type { RuntimeEvent } from '../../contracts/observer.ts'
import type { Storage } from '../../contracts/storage.ts'
import type { Shortage } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'
import type { Alarms } from './alarms.ts'

export interface DiskSpaceParts {
  readonly storage: Pick<Storage, 'freeBytes'>
  readonly clock: Clock
  readonly freeBytesMin: number
  readonly checkMs: number
  readonly emit: (event: RuntimeEvent) => void
  readonly alarms: Pick<Alarms, 'raise' | 'clear'>
  /** Called at every check while space is low: this node may have become leader since the last one, or a transfer failed. */
  readonly onLow: (shortage: Shortage) => void
  /** Called once space is sufficient again. */
  readonly onBack: () => void
}

/** Writes resume once `freeBytesMin` times this factor is free, so that the state does not flap. */
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

  /** As of the last check; undefined if the storage does not report it. */
  get freeBytes(): number | undefined {
    return this.#freeBytes
  }

  get isLow(): boolean {
    return this.#isLow
  }

  /** The error that rejects the proposals of a leader while space is low. */
  get writeError(): RaftError | undefined {
    if (!this.#isLow) return undefined
    const { freeBytesMin: neededBytes } = this.#parts
    const freeBytes = this.#freeBytes ?? 0
    const message = `the disk of this leader is nearly full, and no other voter took over: ${freeBytes} bytes are free, ${neededBytes} are required`
    return new RaftError('ERR_RAFT_NO_SPACE', message, {
      hint: 'free disk space on a voter; writes resume automatically',
      details: { freeBytes, neededBytes },
    })
  }

  /** Checks now and every `checkMs`, unless `freeBytesMin` is 0 or the storage does not report free space. */
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
    const { freeBytesMin: neededBytes, emit, alarms, onLow, onBack } = this.#parts
    this.#freeBytes = freeBytes
    if (!this.#isLow && freeBytes < neededBytes) {
      this.#isLow = true
      emit({ type: 'spaceLow', freeBytes, neededBytes })
    } else if (this.#isLow && freeBytes >= neededBytes * RECOVERY_FACTOR) {
      this.#isLow = false
      emit({ type: 'spaceBack', freeBytes })
      alarms.clear('SPACE_LOW')
      onBack()
    }
    if (!this.#isLow) return
    const enough = neededBytes * RECOVERY_FACTOR
    const message = `${freeBytes} bytes are free, ${neededBytes} are required; free space until ${enough} bytes are free`
    alarms.raise({ code: 'SPACE_LOW', message, details: { freeBytes, neededBytes } })
    onLow({ freeBytes, neededBytes })
  }
}
