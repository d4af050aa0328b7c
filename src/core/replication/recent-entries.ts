/** How many entries a leader appended lately: a member that lacks no more of them keeps up, whatever the load. */
import type { Instant, LogIndex } from '../types.ts'

export class RecentEntries {
  #at: Instant = 0
  /** The last index at `#at`. */
  #last: LogIndex = Infinity
  /** The last index one to two intervals ago; Infinity while it is not known. */
  before: LogIndex = Infinity

  /** Called at least once in each interval. */
  advance(now: Instant, last: LogIndex, intervalMs: number): void {
    if (now - this.#at < intervalMs) return
    this.#at = now
    this.before = this.#last
    this.#last = last
  }
}
