/**
 * This node's estimate of the log time, which it stamps into entries while it leads. It continues the time of the applied entries at the
 * rate of the node's own clock, and never goes back: it counts the time that nodes have run, and needs no synchronised clocks.
 */
export class LogTime {
  readonly #now: () => number
  #time = 0
  #at: number

  /** `now` is a clock of this process, in milliseconds. */
  constructor(now: () => number) {
    this.#now = now
    this.#at = now()
  }

  /** In whole milliseconds. */
  estimate(): number {
    return Math.floor(this.#time + Math.max(0, this.#now() - this.#at))
  }

  /** An entry with this time was applied. An estimate that is ahead stays: the entry may have been written a while ago. */
  onApplied(time: number): void {
    if (time <= this.estimate()) return
    this.#time = time
    this.#at = this.#now()
  }
}
