/** Those who wait for the node to be in a certain state: they look after every step, and at no other time. */
import type { NodeStatus } from '../contracts/node-service.ts'
import type { Instant } from '../core/types.ts'
import { RaftError } from '../errors.ts'
import { onAbort } from './abort-ear.ts'

/** One caller who waits. */
export interface Watcher {
  readonly predicate: (status: NodeStatus) => boolean
  readonly deadline: Instant
  readonly signal: AbortSignal | undefined
  readonly resolve: (status: NodeStatus) => void
  readonly reject: (error: unknown) => void
}

export class Watchers {
  readonly #status: () => NodeStatus
  /** Each with what takes its ear off its signal. */
  readonly #waiting = new Map<Watcher, () => void>()

  constructor(status: () => NodeStatus) {
    this.#status = status
  }

  add(watcher: Watcher): void {
    const { signal } = watcher
    const aborted = (): void => this.#giveUp(watcher, 'ERR_RAFT_ABORTED', 'the caller gave up', signal?.reason)
    this.#waiting.set(watcher, signal === undefined ? () => undefined : onAbort(signal, aborted))
    this.check()
  }

  /** Something may have changed. */
  check(): void {
    if (this.#waiting.size === 0) return
    const status = this.#status()
    for (const watcher of [...this.#waiting.keys()]) {
      try {
        if (!watcher.predicate(status)) continue
        this.#remove(watcher)
        watcher.resolve(status)
      } catch (error) {
        this.#remove(watcher)
        watcher.reject(error)
      }
    }
  }

  sweep(now: Instant): Instant {
    let next = Number.POSITIVE_INFINITY
    for (const watcher of [...this.#waiting.keys()]) {
      if (watcher.deadline <= now) this.#giveUp(watcher, 'ERR_RAFT_TIMEOUT', 'the node was not in that state in time')
      else next = Math.min(next, watcher.deadline)
    }
    return next
  }

  close(why: string, cause?: unknown): void {
    for (const watcher of [...this.#waiting.keys()]) this.#giveUp(watcher, 'ERR_RAFT_CLOSED', why, cause)
  }

  #giveUp(
    watcher: Watcher,
    code: 'ERR_RAFT_ABORTED' | 'ERR_RAFT_TIMEOUT' | 'ERR_RAFT_CLOSED',
    why: string,
    cause?: unknown,
  ): void {
    if (this.#remove(watcher)) watcher.reject(new RaftError(code, `gave up waiting: ${why}`, { cause }))
  }

  #remove(watcher: Watcher): boolean {
    this.#waiting.get(watcher)?.()
    return this.#waiting.delete(watcher)
  }
}
