/** How many entries a leader appended lately: a member that lacks no more of them keeps up, whatever the load. */
import type { Instant, LogIndex } from '../types.ts'

export class RecentEntries {
  #at: Instant = 0
  /** The last index at `#at`, and at least an interval before; Infinity while it is not known. */
  #last: LogIndex = Infinity
  #before: LogIndex = Infinity

  /** Called at least once in each interval. */
  advance(now: Instant, last: LogIndex, intervalMs: number): void {
    if (now - this.#at < intervalMs) return
    this.#at = now
    this.#before = this.#last
    this.#last = last
  }

  /** Those of the last one to two intervals; negative if they are not known. */
  count(last: LogIndex): number {
    return last - this.#before
  }
}
