/** Reads the stored log and the newest snapshot again, slowly and in the background, to find damage while other nodes still have the data. */
import type { Clock, Timer } from '../../contracts/clock.ts'
import type { EncodedBlock } from '../../contracts/encoded-block.ts'
import type { RuntimeEvent } from '../../contracts/observer.ts'
import type { Storage } from '../../contracts/storage.ts'
import type { LinkedBlock, LogIndex, SnapshotInfo } from '../../core/types.ts'
import type { RaftError } from '../../errors.ts'
import { isRaftError } from '../../errors.ts'
import { errorMessage } from '../../platform/error-message.ts'
import type { RaftCore } from '../pipeline/driver.ts'
import { addToChecksum, damagedSnapshotError, differsFrom, isIntact } from '../snapshots/snapshot-checksum.ts'
import type { Snapshots } from '../snapshots/snapshots.ts'
import type { Alarms } from './alarms.ts'
import { changedBlockError, isSameBlock } from './changed-block.ts'

export interface ScrubberParts {
  readonly core: Pick<RaftCore, 'status' | 'blockAt'>
  readonly storage: Pick<Storage, 'read'>
  readonly snapshots: Pick<Snapshots, 'recorded' | 'readOwn'>
  readonly clock: Clock
  /** 0 disables the scrub. */
  readonly bytesPerSecond: number
  readonly intervalMs: number
  /** False while the disk has more important work, or is short of space. */
  readonly isIdle: () => boolean
  readonly alarms: Pick<Alarms, 'raise' | 'clear'>
  readonly emit: (event: RuntimeEvent) => void
  /** The node must stop. */
  readonly onDamaged: (error: RaftError) => void
}

/** The most bytes of one read; a single larger block is still read. */
const READ_BYTES_MAX = 256 * 1024
/** How long to wait before `isIdle` is asked again. */
const BUSY_RETRY_MS = 1000
/** Reads of one block that must differ from the log before it counts as damaged: a read may overlap a write that replaces the block. */
const READS_OF_DAMAGE = 2

interface StoredSnapshot {
  readonly size: number
  readonly checksum: number
}

/** Stops a pass. */
class Stopped extends Error {}

export class Scrubber {
  readonly #parts: ScrubberParts
  #isStopped = false
  #wait: { readonly timer: Timer; readonly end: () => void } | undefined
  #running: Promise<void> = Promise.resolve()

  constructor(parts: ScrubberParts) {
    this.#parts = parts
  }

  start(): void {
    if (this.#parts.bytesPerSecond > 0 && !this.#isStopped) this.#running = this.#run()
  }

  /** Resolves once nothing is being read. */
  stop(): Promise<void> {
    this.#isStopped = true
    this.#wait?.timer.cancel()
    this.#wait?.end()
    return this.#running
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    try {
      for (;;) {
        await this.#pause(this.#parts.intervalMs)
        await this.#pass()
      }
    } catch {
      // Stopped, by the caller or because of damage.
    }
  }

  async #pass(): Promise<void> {
    const { clock, emit, alarms, onDamaged } = this.#parts
    const startedAt = clock.now()
    try {
      const log = await this.#scrubLog()
      const snapshotBytes = await this.#scrubSnapshot()
      alarms.clear('SCRUB_FAILED')
      emit({
        ...{ type: 'scrubbed', blocks: log.blocks, bytes: log.bytes + snapshotBytes },
        tookMs: clock.now() - startedAt,
      })
    } catch (error) {
      if (this.#isStopped) throw new Stopped()
      const code = isRaftError(error) ? error.code : 'ERR_RAFT_INTERNAL'
      const message = errorMessage(error)
      emit({ type: 'scrubFailed', code, message })
      if (isRaftError(error, 'ERR_RAFT_CORRUPT')) {
        onDamaged(error)
        throw new Stopped()
      }
      alarms.raise({ code: 'SCRUB_FAILED', message: `stored data could not be checked: ${message}`, details: { code } })
    }
  }

  /** Checks the blocks that were durable at the start, as far as they still belong to the log when their turn comes. */
  async #scrubLog(): Promise<{ readonly blocks: number; readonly bytes: number }> {
    const { persistedIndex: end } = this.#status()
    let next = this.#status().firstIndex
    let blocks = 0
    let bytes = 0
    let differing = 0
    while (next <= end) {
      await this.#untilIdle()
      const expected = this.#blocksFrom(next, end)
      const [first] = expected
      if (first === undefined) {
        // The log was compacted, truncated or reset.
        const { firstIndex } = this.#status()
        if (firstIndex <= next) break
        next = firstIndex
        continue
      }
      const stored = await this.#read(first.first)
      if (this.#isStopped) throw new Stopped()
      const equal = countEqual(expected, stored)
      const different = equal < Math.max(1, stored.length) ? expected[equal] : undefined
      differing = different === undefined || !this.#isCurrent(different) ? 0 : equal > 0 ? 1 : differing + 1
      if (different !== undefined && differing >= READS_OF_DAMAGE) throw changedBlockError(different, stored[equal])
      for (const block of stored.slice(0, equal)) {
        next = block.first + block.count
        blocks++
        bytes += block.size
      }
      await this.#pace(stored.reduce((sum, { size }) => sum + size, 0))
    }
    return { blocks, bytes }
  }

  /** Returns the number of bytes read. A newer snapshot replaces the one being read. */
  async #scrubSnapshot(): Promise<number> {
    const { snapshots } = this.#parts
    for (;;) {
      await this.#untilIdle()
      const { recorded } = snapshots
      if (recorded === undefined) return 0
      const stored = await this.#readSnapshot(recorded)
      const problem = problemOf(recorded, stored)
      if (problem === undefined) return recorded.size
      if (snapshots.recorded?.id === recorded.id) throw damagedSnapshotError(recorded, problem)
    }
  }

  /** Returns its size and checksum; undefined if there is no such file, or a newer snapshot has replaced it. */
  async #readSnapshot({ id }: SnapshotInfo): Promise<StoredSnapshot | undefined> {
    let size = 0
    let checksum = 0
    try {
      for await (const chunk of this.#parts.snapshots.readOwn(id)) {
        size += chunk.length
        checksum = addToChecksum(checksum, chunk)
        await this.#pace(chunk.length)
        await this.#untilIdle()
      }
    } catch (error) {
      const isReplaced = this.#parts.snapshots.recorded?.id !== id
      if (isRaftError(error, 'ERR_RAFT_SNAPSHOT_GONE') || (isRaftError(error, 'ERR_RAFT_CORRUPT') && isReplaced))
        return undefined
      throw error
    }
    return { size, checksum }
  }

  #status(): { readonly firstIndex: LogIndex; readonly persistedIndex: LogIndex } {
    return this.#parts.core.status(this.#parts.clock.now())
  }

  /** The durable blocks of the log from the one that contains `index`, up to `end`. */
  #blocksFrom(index: LogIndex, end: LogIndex): LinkedBlock[] {
    const to = Math.min(end, this.#status().persistedIndex)
    const blocks: LinkedBlock[] = []
    let bytes = 0
    for (let next = index; next <= to; ) {
      const block = this.#parts.core.blockAt(next)
      if (block === undefined || block.first + block.count - 1 > to) break
      bytes += block.size
      if (blocks.length > 0 && bytes > READ_BYTES_MAX) break
      blocks.push(block)
      next = block.first + block.count
    }
    return blocks
  }

  /** Some of what is stored from there on; nothing if no block starts there. */
  async #read(from: LogIndex): Promise<readonly EncodedBlock[]> {
    try {
      return await this.#parts.storage.read(from, READ_BYTES_MAX)
    } catch (error) {
      if (isRaftError(error, 'ERR_RAFT_COMPACTED')) return []
      throw error
    }
  }

  /** Whether the log still has this block. */
  #isCurrent({ first, chain }: LinkedBlock): boolean {
    return this.#parts.core.blockAt(first)?.chain === chain
  }

  async #untilIdle(): Promise<void> {
    while (!this.#parts.isIdle()) await this.#pause(BUSY_RETRY_MS)
  }

  #pace(bytes: number): Promise<void> {
    return this.#pause((bytes * 1000) / this.#parts.bytesPerSecond)
  }

  /** Throws if stopped before or meanwhile. */
  async #pause(ms: number): Promise<void> {
    if (this.#isStopped) throw new Stopped()
    const { clock } = this.#parts
    await new Promise<void>((resolve) => {
      this.#wait = { timer: clock.wakeAt(clock.now() + ms, resolve), end: resolve }
    })
    if (this.#isStopped) throw new Stopped()
  }
}

/** The number of blocks at the start that are equal. */
function countEqual(expected: readonly LinkedBlock[], stored: readonly EncodedBlock[]): number {
  let equal = 0
  for (const own of expected) {
    const block = stored[equal]
    if (block === undefined || !isSameBlock(own, block)) break
    equal++
  }
  return equal
}

/** How the stored snapshot differs from the recorded one. */
function problemOf(recorded: SnapshotInfo, stored: StoredSnapshot | undefined): string | undefined {
  if (stored === undefined) return 'is missing'
  if (stored.size !== recorded.size) return `has ${stored.size} bytes instead of ${recorded.size}`
  return isIntact(recorded, stored.checksum) ? undefined : differsFrom(recorded, stored.checksum)
}
