/** Callers that wait for the node to reach a state (`node.until`): checked after every step. */
import type { NodeStatus } from '../../contracts/node-service.ts'
import type { Instant } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'
import { type Caller, expireCalls, PendingCall } from '../../platform/pending-call.ts'

export interface StatusWaiter extends Caller {
  readonly predicate: (status: NodeStatus) => boolean
  readonly resolve: (status: NodeStatus) => void
}

class PendingWaiter extends PendingCall {
  readonly predicate: (status: NodeStatus) => boolean
  readonly resolve: (status: NodeStatus) => void

  constructor(waiter: StatusWaiter) {
    super(waiter)
    this.predicate = waiter.predicate
    this.resolve = waiter.resolve
  }
}

export class StatusWaiters {
  readonly #status: () => NodeStatus
  readonly #waiters = new Set<PendingWaiter>()

  constructor(status: () => NodeStatus) {
    this.#status = status
  }

  add(waiter: StatusWaiter): void {
    const pending = new PendingWaiter(waiter)
    pending.listen(() => this.#giveUp(pending, 'ERR_RAFT_ABORTED', 'the caller stopped waiting', waiter.signal?.reason))
    this.#waiters.add(pending)
    this.check()
  }

  /** Called when the status may have changed. An error that a predicate throws rejects its caller. */
  check(): void {
    if (this.#waiters.size === 0) return
    const status = this.#status()
    for (const waiter of [...this.#waiters]) {
      try {
        if (waiter.predicate(status) && this.#settle(waiter)) waiter.resolve(status)
      } catch (error) {
        if (this.#settle(waiter)) waiter.reject(error)
      }
    }
  }

  sweep(now: Instant): Instant {
    return expireCalls(this.#waiters, now, (waiter) =>
      this.#giveUp(waiter, 'ERR_RAFT_TIMEOUT', 'the node did not reach that state in time'),
    )
  }

  close(why: string, cause?: unknown): void {
    for (const waiter of this.#waiters) this.#giveUp(waiter, 'ERR_RAFT_CLOSED', why, cause)
  }

  #giveUp(
    waiter: PendingWaiter,
    code: 'ERR_RAFT_ABORTED' | 'ERR_RAFT_TIMEOUT' | 'ERR_RAFT_CLOSED',
    why: string,
    cause?: unknown,
  ): void {
    if (this.#settle(waiter)) waiter.reject(new RaftError(code, `stopped waiting: ${why}`, { cause }))
  }

  #settle(waiter: PendingWaiter): boolean {
    this.#waiters.delete(waiter)
    return waiter.settle()
  }
}
