/** Decides when a snapshot is due: by how much the log has grown compared with the state, and so that snapshots take a bounded share of time. */
import type { Instant } from '../../core/types.ts'
import type { RuntimeOptions } from '../options.ts'

/** What the state machine has applied, since the start or since a snapshot. */
export interface AppliedTotals {
  readonly entries: number
  readonly blocks: number
  readonly bytes: number
}

export type SnapshotPolicyOptions = Pick<
  RuntimeOptions,
  'snapshotEntries' | 'snapshotBlocks' | 'snapshotBytes' | 'snapshotFactor' | 'snapshotBytesMax' | 'snapshotPauseFactor'
>

export class SnapshotPolicy {
  readonly #options: SnapshotPolicyOptions
  #nextAt: Instant = Number.NEGATIVE_INFINITY

  constructor(options: SnapshotPolicyOptions) {
    this.#options = options
  }

  /** A snapshot was taken, which took this long. */
  onTaken(tookMs: number, now: Instant): void {
    this.#nextAt = now + tookMs * this.#options.snapshotPauseFactor
  }

  /**
   * Whether a snapshot is due. `applied` is since the newest one, which has `size` bytes. `lowSpace` are the free bytes of a disk that is
   * short of space: then one is due as soon as compaction frees more than it takes, if it fits.
   */
  isDue(applied: AppliedTotals, size: number, now: Instant, lowSpace?: number): boolean {
    const { snapshotEntries, snapshotBlocks, snapshotBytes, snapshotFactor, snapshotBytesMax } = this.#options
    // A large state is not written again for a few entries: the bytes written stay below twice the bytes applied.
    if (applied.entries === 0 || applied.bytes < size) return false
    if (lowSpace !== undefined) return lowSpace >= size && applied.bytes >= snapshotBytes
    if (applied.bytes >= Math.max(snapshotBytesMax, size)) return true
    if (now < this.#nextAt) return false
    if (applied.entries >= snapshotEntries || applied.blocks >= snapshotBlocks) return true
    return applied.bytes >= Math.max(snapshotBytes, snapshotFactor * size)
  }
}
