/** Membership changes, leadership transfers and snapshots under way: few, rare, each with a number of its own. */
import type { Settlement } from '../core/effects.ts'
import type { Instant, LogIndex, NodeId } from '../core/types.ts'
import { onAbort } from './abort-ear.ts'
import type { Asked, LeaderOf } from './refusals.ts'
import { errorOf, notBegun, outcomeUnknown } from './refusals.ts'

/** One caller who waits. */
export interface Request {
  readonly asked: Asked
  /** Whether a wait that ends leaves its fate open: the core holds changes and transfers before it says anything. */
  readonly isBegun: boolean
  readonly deadline: Instant
  readonly signal: AbortSignal | undefined
  readonly resolve: (answer: never) => void
  readonly reject: (error: unknown) => void
}

interface Waiting extends Request {
  unlisten: (() => void) | undefined
}

export type RequestSettlement = Exclude<Settlement, { proposal: number } | { read: number }>

export class Requests {
  readonly #leaderOf: LeaderOf
  readonly #waiting = new Map<number, Waiting>()
  #number = 0

  constructor(leaderOf: LeaderOf) {
    this.#leaderOf = leaderOf
  }

  /** Returns the number to give to the core. */
  add(request: Request): number {
    const number = ++this.#number
    const waiting: Waiting = { ...request, unlisten: undefined }
    this.#waiting.set(number, waiting)
    const { signal } = request
    if (signal !== undefined) {
      const aborted = (): void => this.#giveUp(number, 'the caller gave up waiting', 'ERR_RAFT_ABORTED', signal.reason)
      waiting.unlisten = onAbort(signal, aborted)
    }
    return number
  }

  settle(settlement: RequestSettlement): void {
    const { request } = settlement
    const waiting = this.#waiting.get(request)
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
        this.#remove(request).reject(outcomeUnknown(waiting.asked, 'leadership was lost before it was committed'))
        return
      case 'changeRejected':
      case 'transferRejected':
        this.#remove(request).reject(errorOf(settlement.rejection, waiting.asked, this.#leaderOf))
    }
  }

  /** What the core does not settle is settled by whoever did it. */
  fulfil(request: number, answer: unknown): void {
    if (this.#waiting.has(request)) this.#remove(request).resolve(answer as never)
  }

  refuse(request: number, error: unknown): void {
    if (this.#waiting.has(request)) this.#remove(request).reject(error)
  }

  sweep(now: Instant): Instant {
    let next = Number.POSITIVE_INFINITY
    for (const [number, { deadline }] of this.#waiting) {
      if (deadline <= now) this.#giveUp(number, 'its time was up', 'ERR_RAFT_TIMEOUT')
      else next = Math.min(next, deadline)
    }
    return next
  }

  close(why: string, cause?: unknown): void {
    for (const number of [...this.#waiting.keys()]) this.#giveUp(number, why, 'ERR_RAFT_CLOSED', cause)
  }

  #giveUp(
    number: number,
    why: string,
    code: 'ERR_RAFT_TIMEOUT' | 'ERR_RAFT_ABORTED' | 'ERR_RAFT_CLOSED',
    cause?: unknown,
  ): void {
    const { asked, isBegun, reject } = this.#remove(number)
    reject(isBegun ? outcomeUnknown(asked, why, cause) : notBegun(asked, why, code, cause))
  }

  #remove(number: number): Waiting {
    const waiting = this.#waiting.get(number) as Waiting
    this.#waiting.delete(number)
    waiting.unlisten?.()
    return waiting
  }
}
