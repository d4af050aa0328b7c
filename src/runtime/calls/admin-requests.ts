/** Membership changes, leadership transfers and snapshots under way: few, rare, each with a number of its own. */
import type { Settlement } from '../../core/effects.ts'
import type { Instant, LogIndex, NodeId } from '../../core/types.ts'
import { onAbort } from '../../platform/on-abort.ts'
import type { LeaderHintOf, Operation } from './rejections.ts'
import { notStartedError, outcomeUnknownError, rejectionError } from './rejections.ts'

/** One caller who waits. */
export interface AdminRequest {
  readonly operation: Operation
  /** Whether a wait that ends leaves its fate open: the core holds changes and transfers before it says anything. */
  readonly isStarted: boolean
  readonly deadline: Instant
  readonly signal: AbortSignal | undefined
  readonly resolve: (answer: never) => void
  readonly reject: (error: unknown) => void
}

interface PendingRequest extends AdminRequest {
  unlisten: (() => void) | undefined
}

export type RequestSettlement = Exclude<Settlement, { proposal: number } | { read: number }>

export class AdminRequests {
  readonly #leaderHintOf: LeaderHintOf
  readonly #pending = new Map<number, PendingRequest>()
  #lastNumber = 0

  constructor(leaderOf: LeaderHintOf) {
    this.#leaderHintOf = leaderOf
  }

  /** Returns the number to give to the core. */
  add(request: AdminRequest): number {
    const number = ++this.#lastNumber
    const waiting: PendingRequest = { ...request, unlisten: undefined }
    this.#pending.set(number, waiting)
    const { signal } = request
    if (signal !== undefined) {
      const aborted = (): void => this.#giveUp(number, 'the caller gave up waiting', 'ERR_RAFT_ABORTED', signal.reason)
      waiting.unlisten = onAbort(signal, aborted)
    }
    return number
  }

  settle(settlement: RequestSettlement): void {
    const { request } = settlement
    const waiting = this.#pending.get(request)
    if (waiting === undefined) return
    switch (settlement.type) {
      case 'changeAccepted':
        return
      case 'changeDone':
        this.#remove(request).resolve({ index: settlement.index } satisfies { index: LogIndex } as never)
        return
      case 'transferred':
        this.#remove(request).resolve({ leader: settlement.leader } satisfies { leader: NodeId | undefined } as never)
        return
      case 'changeUnknown':
        this.#remove(request).reject(
          outcomeUnknownError(waiting.operation, 'leadership was lost before it was committed'),
        )
        return
      case 'changeRejected':
      case 'transferRejected':
        this.#remove(request).reject(rejectionError(settlement.rejection, waiting.operation, this.#leaderHintOf))
    }
  }

  /** What the core does not settle is settled by whoever did it. */
  resolve(request: number, answer: unknown): void {
    if (this.#pending.has(request)) this.#remove(request).resolve(answer as never)
  }

  reject(request: number, error: unknown): void {
    if (this.#pending.has(request)) this.#remove(request).reject(error)
  }

  sweep(now: Instant): Instant {
    let next = Number.POSITIVE_INFINITY
    for (const [number, { deadline }] of this.#pending) {
      if (deadline <= now) this.#giveUp(number, 'its time was up', 'ERR_RAFT_TIMEOUT')
      else next = Math.min(next, deadline)
    }
    return next
  }

  close(why: string, cause?: unknown): void {
    for (const number of [...this.#pending.keys()]) this.#giveUp(number, why, 'ERR_RAFT_CLOSED', cause)
  }

  #giveUp(
    number: number,
    why: string,
    code: 'ERR_RAFT_TIMEOUT' | 'ERR_RAFT_ABORTED' | 'ERR_RAFT_CLOSED',
    cause?: unknown,
  ): void {
    const { operation, isStarted, reject } = this.#remove(number)
    reject(isStarted ? outcomeUnknownError(operation, why, cause) : notStartedError(operation, why, code, cause))
  }

  #remove(number: number): PendingRequest {
    const waiting = this.#pending.get(number) as PendingRequest
    this.#pending.delete(number)
    waiting.unlisten?.()
    return waiting
  }
}
