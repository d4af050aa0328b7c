/** One timer for all who wait: it looks through them when the earliest is due, however many there are. */
import type { Clock, Timer } from '../contracts/clock.ts'
import type { CallOptions } from '../contracts/node-service.ts'
import type { Instant } from '../core/types.ts'
import { RaftError } from '../errors.ts'

/** Ends what is due at `now`, and says when the next one is (Infinity if none is left). */
export type Sweep = (now: Instant) => Instant

/** Looking through everything more often than this would cost more than anybody gains by it. */
const SWEEP_MIN_MS = 5

export class Deadlines {
  readonly #clock: Clock
  readonly #sweeps: readonly Sweep[]
  readonly #callTimeoutMs: number
  #timerAt: Instant = Number.POSITIVE_INFINITY
  #lastSweepAt: Instant = Number.NEGATIVE_INFINITY
  #timer: Timer | undefined

  constructor(clock: Clock, callTimeoutMs: number, sweeps: readonly Sweep[]) {
    this.#clock = clock
    this.#callTimeoutMs = callTimeoutMs
    this.#sweeps = sweeps
  }

  /** When a call with these options ends at the latest; it is watched from now on. Throws ERR_RAFT_OPTIONS. */
  deadlineFor(options: CallOptions | undefined): Instant {
    const timeoutMs = options?.timeoutMs ?? this.#callTimeoutMs
    if (!(timeoutMs > 0))
      throw new RaftError('ERR_RAFT_OPTIONS', `timeoutMs must be a positive number of milliseconds, not ${timeoutMs}`)
    const deadline = this.#clock.now() + timeoutMs
    if (deadline < this.#timerAt) this.#arm(deadline)
    return deadline
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#timerAt = Number.NEGATIVE_INFINITY
  }

  #arm(deadline: Instant): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#timerAt = Math.max(deadline, this.#lastSweepAt + SWEEP_MIN_MS)
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
