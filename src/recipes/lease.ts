/** A lease that a client holds: renewed in time, with a signal that is aborted when it may have ended. */
import type { Clock, Timer } from '../contracts/clock.ts'
import { RaftError } from '../errors.ts'
import { errorMessage } from '../platform/error-message.ts'
import { mayRepeat } from './proposer.ts'

/** The clocks of two processes may differ in speed by this part; the holder stops so much earlier. */
const CLOCK_DRIFT_MAX = 0.01
/** Renewals per lease: two may fail. */
const RENEWALS = 3
const RETRY_MS = 100

export interface LeaseOptions {
  /** As in "lock 'a'". */
  readonly name: string
  readonly clock: Clock
  readonly ttlMs: number
  /** When the command that granted it was proposed: the lease is counted from there, because it was applied later. */
  readonly sentAt: number
  /** Resolves with whether the lease is still held. */
  readonly renew: (timeoutMs: number) => Promise<boolean>
}

export class Lease {
  readonly #options: LeaseOptions
  readonly #ending = new AbortController()
  #endsAt: number
  #renewal: Timer | undefined
  #end: Timer | undefined
  #lastError: unknown

  constructor(options: LeaseOptions) {
    this.#options = options
    this.#endsAt = this.#endOf(options.sentAt)
    this.#arm(options.sentAt + options.ttlMs / RENEWALS)
  }

  get signal(): AbortSignal {
    return this.#ending.signal
  }

  /** Stops renewing, and aborts the signal. */
  stop(reason: unknown): void {
    this.#renewal?.cancel()
    this.#end?.cancel()
    this.#ending.abort(reason)
  }

  #endOf(sentAt: number): number {
    return sentAt + this.#options.ttlMs * (1 - CLOCK_DRIFT_MAX)
  }

  #arm(renewAt: number): void {
    const { clock } = this.#options
    this.#end?.cancel()
    this.#end = clock.wakeAt(this.#endsAt, () => this.#stopAsLost('no renewal succeeded in time'))
    this.#renewal = clock.wakeAt(renewAt, () => void this.#renew())
  }

  async #renew(): Promise<void> {
    const { clock, ttlMs, renew } = this.#options
    const sentAt = clock.now()
    // The process may have been paused: the timer of the end is due, and comes after this one.
    if (sentAt >= this.#endsAt) return
    try {
      const isHeld = await renew(Math.ceil(this.#endsAt - sentAt))
      if (this.signal.aborted) return
      if (!isHeld) return this.#stopAsLost('it ended, and may belong to another owner')
      this.#endsAt = Math.max(this.#endsAt, this.#endOf(sentAt))
      this.#arm(Math.max(clock.now(), sentAt + ttlMs / RENEWALS))
    } catch (error) {
      if (this.signal.aborted) return
      this.#lastError = error
      if (!mayRepeat(error)) return this.#stopAsLost(`it cannot be renewed: ${errorMessage(error)}`)
      this.#renewal = clock.wakeAt(clock.now() + RETRY_MS, () => void this.#renew())
    }
  }

  #stopAsLost(why: string): void {
    const { name, ttlMs } = this.#options
    this.stop(
      new RaftError('ERR_RAFT_LEASE_LOST', `${name} is no longer certain to be held: ${why}`, {
        hint: 'stop what depends on it; use a longer ttlMs if the cluster or this process is often slower than that',
        details: { ttlMs },
        cause: this.#lastError,
      }),
    )
  }
}
