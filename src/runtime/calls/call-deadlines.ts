/** The deadline of every call on a node: after the caller's `timeoutMs`, or after `callTimeoutMs`. */
import type { Clock } from '../../contracts/clock.ts'
import type { CallOptions } from '../../contracts/node-service.ts'
import type { Instant } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'
import { Deadlines, type Sweep } from '../../platform/deadlines.ts'

export class CallDeadlines {
  readonly #clock: Clock
  readonly #callTimeoutMs: number
  readonly #deadlines: Deadlines

  constructor(clock: Clock, callTimeoutMs: number, sweeps: readonly Sweep[]) {
    this.#clock = clock
    this.#callTimeoutMs = callTimeoutMs
    this.#deadlines = new Deadlines(clock, sweeps)
  }

  /** Returns the deadline of a call and schedules a sweep for it. Throws ERR_RAFT_OPTIONS if timeoutMs is not positive. */
  deadlineFor(options: CallOptions | undefined): Instant {
    const timeoutMs = options?.timeoutMs ?? this.#callTimeoutMs
    if (!(timeoutMs > 0))
      throw new RaftError('ERR_RAFT_OPTIONS', `timeoutMs must be a positive number of milliseconds, not ${timeoutMs}`)
    const deadline = this.#clock.now() + timeoutMs
    this.#deadlines.watch(deadline)
    return deadline
  }

  stop(): void {
    this.#deadlines.stop()
  }
}
