/** Pending membership changes, leadership transfers, snapshots and reads of them: few and rare, each settled by its number. */
import type { Settlement } from '../../core/effects.ts'
import type { Instant, LogIndex, NodeId, SnapshotInfo } from '../../core/types.ts'
import type { ErrorCode } from '../../errors.ts'
import { type Caller, expireCalls, PendingCall } from '../../platform/pending-call.ts'
import type { LeaderHintOf } from './rejections.ts'
import { outcomeUnknownError, rejectionError, unfinishedReadError } from './rejections.ts'

export type AdminRequest = Caller &
  (
    | { readonly operation: 'membership change'; readonly resolve: (answer: { readonly index: LogIndex }) => void }
    | {
        readonly operation: 'leadership transfer'
        readonly resolve: (answer: { readonly leader: NodeId | undefined }) => void
      }
    | { readonly operation: 'snapshot'; readonly resolve: (answer: SnapshotInfo) => void }
    | { readonly operation: 'snapshot read'; readonly resolve: (answer: Uint8Array) => void }
  )

class PendingRequest extends PendingCall {
  readonly number: number
  readonly request: AdminRequest

  constructor(number: number, request: AdminRequest) {
    super(request)
    this.number = number
    this.request = request
  }
}

export type AdminSettlement = Exclude<Settlement, { proposal: number } | { read: number }>

export class AdminRequests {
  readonly #leaderHintOf: LeaderHintOf
  readonly #pending = new Map<number, PendingRequest>()
  #lastNumber = 0

  constructor(leaderHintOf: LeaderHintOf) {
    this.#leaderHintOf = leaderHintOf
  }

  /** Returns the number of the request. */
  add(request: AdminRequest): number {
    const pending = new PendingRequest(++this.#lastNumber, request)
    this.#pending.set(pending.number, pending)
    pending.listen(() =>
      this.#giveUp(pending, 'ERR_RAFT_ABORTED', 'the caller stopped waiting', pending.signal?.reason),
    )
    return pending.number
  }

  settle(settlement: AdminSettlement): void {
    const pending = this.#pending.get(settlement.request)
    if (pending === undefined) return
    const { request } = pending
    switch (settlement.type) {
      case 'changeAccepted':
        return
      case 'changeDone':
        if (request.operation === 'membership change' && this.#settle(pending))
          request.resolve({ index: settlement.index })
        return
      case 'transferred':
        if (request.operation === 'leadership transfer' && this.#settle(pending))
          request.resolve({ leader: settlement.leader })
        return
      case 'changeUnknown':
        return this.#reject(
          pending,
          outcomeUnknownError(request.operation, 'leadership was lost before it was committed'),
        )
      case 'transferUnknown':
        return this.#reject(
          pending,
          outcomeUnknownError(
            request.operation,
            `${settlement.to} was asked to take over, and may still win an election`,
          ),
        )
      case 'changeRejected':
      case 'transferRejected':
        return this.#reject(pending, rejectionError(settlement.rejection, request.operation, this.#leaderHintOf))
    }
  }

  /** A snapshot is not settled by the core. */
  resolveSnapshot(number: number, snapshot: SnapshotInfo): void {
    const pending = this.#pending.get(number)
    if (pending?.request.operation === 'snapshot' && this.#settle(pending)) pending.request.resolve(snapshot)
  }

  resolveSnapshotRead(number: number, bytes: Uint8Array): void {
    const pending = this.#pending.get(number)
    if (pending?.request.operation === 'snapshot read' && this.#settle(pending)) pending.request.resolve(bytes)
  }

  reject(number: number, error: unknown): void {
    const pending = this.#pending.get(number)
    if (pending !== undefined) this.#reject(pending, error)
  }

  sweep(now: Instant): Instant {
    return expireCalls(this.#pending.values(), now, (pending) =>
      this.#giveUp(pending, 'ERR_RAFT_TIMEOUT', 'it timed out'),
    )
  }

  close(why: string, cause?: unknown): void {
    for (const pending of this.#pending.values()) this.#giveUp(pending, 'ERR_RAFT_CLOSED', why, cause)
  }

  /** Every request starts at once and continues without its caller, so its outcome is unknown, except that a read has no effect. */
  #giveUp(pending: PendingRequest, code: ErrorCode, why: string, cause?: unknown): void {
    const { operation } = pending.request
    const isRead = operation === 'snapshot read'
    this.#reject(pending, isRead ? unfinishedReadError(why, code, cause) : outcomeUnknownError(operation, why, cause))
  }

  #reject(pending: PendingRequest, error: unknown): void {
    if (this.#settle(pending)) pending.reject(error)
  }

  #settle(pending: PendingRequest): boolean {
    this.#pending.delete(pending.number)
    return pending.settle()
  }
}
