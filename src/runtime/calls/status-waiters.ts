/** Those who wait for the node to be in a certain state: they look after every step, and at no other time. */
import type { NodeStatus } from '../../contracts/node-service.ts'
import type { Instant } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'
import { onAbort } from '../../platform/on-abort.ts'

/** One caller who waits. */
export interface StatusWaiter {
  readonly predicate: (status: NodeStatus) => boolean
  readonly deadline: Instant
  readonly signal: AbortSignal | undefined
  readonly resolve: (status: NodeStatus) => void
  readonly reject: (error: unknown) => void
}

export class StatusWaiters {
  readonly #status: () => NodeStatus
  /** Each with what takes its ear off its signal. */
  readonly #waiters = new Map<StatusWaiter, () => void>()

  constructor(status: () => NodeStatus) {
    this.#status = status
  }

  add(waiter: StatusWaiter): void {
    const { signal } = waiter
    const aborted = (): void => this.#giveUp(waiter, 'ERR_RAFT_ABORTED', 'the caller gave up', signal?.reason)
    this.#waiters.set(waiter, signal === undefined ? () => undefined : onAbort(signal, aborted))
    this.check()
  }

  /** Something may have changed. */
  check(): void {
    if (this.#waiters.size === 0) return
    const status = this.#status()
    for (const waiter of [...this.#waiters.keys()]) {
      try {
        if (!waiter.predicate(status)) continue
        this.#remove(waiter)
        waiter.resolve(status)
      } catch (error) {
        this.#remove(waiter)
        waiter.reject(error)
      }
    }
  }

  sweep(now: Instant): Instant {
    let next = Number.POSITIVE_INFINITY
    for (const waiter of [...this.#waiters.keys()]) {
      if (waiter.deadline <= now) this.#giveUp(waiter, 'ERR_RAFT_TIMEOUT', 'the node was not in that state in time')
      else next = Math.min(next, waiter.deadline)
    }
    return next
  }

  close(why: string, cause?: unknown): void {
    for (const waiter of [...this.#waiters.keys()]) this.#giveUp(waiter, 'ERR_RAFT_CLOSED', why, cause)
  }

  #giveUp(
    waiter: StatusWaiter,
    code: 'ERR_RAFT_ABORTED' | 'ERR_RAFT_TIMEOUT' | 'ERR_RAFT_CLOSED',
    why: string,
    cause?: unknown,
  ): void {
    if (this.#remove(waiter)) waiter.reject(new RaftError(code, `gave up waiting: ${why}`, { cause }))
  }

  #remove(waiter: StatusWaiter): boolean {
    this.#waiters.get(waiter)?.()
    return this.#waiters.delete(waiter)
  }
}
