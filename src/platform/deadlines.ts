/** Many deadlines on one timer: a timer for each call would cost more than the call. */
import type { Clock, Timer } from '../contracts/clock.ts'
import type { Instant } from '../core/types.ts'

/** Ends the calls whose deadline is at or before `now`; returns the next deadline (Infinity if there is none). */
export type Sweep = (now: Instant) => Instant

/** Two sweeps are at least this far apart, so that deadlines close together share one. A call may end this much late. */
const SWEEP_INTERVAL_MIN_MS = 5

export class Deadlines {
  readonly #clock: Clock
  readonly #sweeps: readonly Sweep[]
  #timerAt: Instant = Number.POSITIVE_INFINITY
  #lastSweepAt: Instant = Number.NEGATIVE_INFINITY
  #timer: Timer | undefined
  #isStopped = false

  constructor(clock: Clock, sweeps: readonly Sweep[]) {
    this.#clock = clock
    this.#sweeps = sweeps
  }

  /** Sweeps at this instant, or a little later. */
  watch(deadline: Instant): void {
    if (deadline < this.#timerAt) this.#arm(deadline)
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #arm(deadline: Instant): void {
    if (this.#isStopped) return
    this.#timer?.cancel()
    this.#timer = undefined
    this.#timerAt = Math.max(deadline, this.#lastSweepAt + SWEEP_INTERVAL_MIN_MS)
    if (deadline < Number.POSITIVE_INFINITY) this.#timer = this.#clock.wakeAt(this.#timerAt, () => this.#sweep())
  }

  #sweep(): void {
    const now = this.#clock.now()
    this.#lastSweepAt = now
    let next = Number.POSITIVE_INFINITY
    for (const sweep of this.#sweeps) next = Math.min(next, sweep(now))
    this.#arm(next)
  }
}
