/** A caller that waits for a result: what every pending proposal, read, request and gRPC call has in common. */
import type { Instant } from '../core/types.ts'
import { onAbort } from './on-abort.ts'

/** The deadline and signal of a caller, and how to reject it. `signal` must not be aborted yet. */
export interface Caller {
  readonly deadline: Instant
  readonly signal: AbortSignal | undefined
  readonly reject: (error: unknown) => void
}

/** Settles once. A class with plain fields, because one is made for every command. */
export class PendingCall implements Caller {
  readonly deadline: Instant
  readonly signal: AbortSignal | undefined
  readonly reject: (error: unknown) => void
  isSettled = false
  #stopListening: (() => void) | undefined = undefined

  constructor(caller: Caller) {
    this.deadline = caller.deadline
    this.signal = caller.signal
    this.reject = caller.reject
  }

  /** Calls back if the caller's signal is aborted before the call is settled. */
  listen(onAborted: () => void): void {
    if (this.signal !== undefined) this.#stopListening = onAbort(this.signal, onAborted)
  }

  /** Marks the call as settled and stops listening to its signal; false if it was settled already. Then resolve or reject it. */
  settle(): boolean {
    if (this.isSettled) return false
    this.isSettled = true
    this.#stopListening?.()
    return true
  }
}

/** Passes every unsettled call that is due at `now` to `expire`; returns the earliest deadline of the others (Infinity if none). */
export function expireCalls<Call extends PendingCall>(
  calls: Iterable<Call>,
  now: Instant,
  expire: (call: Call) => void,
): Instant {
  let next = Number.POSITIVE_INFINITY
  for (const call of calls) {
    if (call.isSettled) continue
    if (call.deadline <= now) expire(call)
    else if (call.deadline < next) next = call.deadline
  }
  return next
}
