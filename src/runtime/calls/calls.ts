/** All pending calls of a node: passes them to the core, settles them with its answers, and ends them at their deadlines. */
import type { Clock } from '../../contracts/clock.ts'
import type { NodeStatus } from '../../contracts/node-service.ts'
import type { Rejection, Settlement } from '../../core/effects.ts'
import type { Input } from '../../core/inputs.ts'
import type { RaftStatus } from '../../core/status.ts'
import type { RaftError } from '../../errors.ts'
import type { Meters } from '../meters.ts'
import { AdminRequests } from './admin-requests.ts'
import { CallDeadlines } from './call-deadlines.ts'
import type { Proposals } from './proposals.ts'
import { type AppliedState, type ReadLimits, Reads } from './reads.ts'
import { type LeaderHintOf, rejectionError } from './rejections.ts'
import { StatusWaiters } from './status-waiters.ts'

export interface CallsParts<Result> {
  readonly proposals: Proposals<Result>
  readonly clock: Clock
  readonly meters: Meters
  readonly limits: ReadLimits & { readonly callTimeoutMs: number }
  readonly appliedState: AppliedState
  readonly status: () => NodeStatus
  /** That of the core alone, which costs less: reads ask for it often. */
  readonly coreStatus: () => RaftStatus
  readonly leaderHintOf: LeaderHintOf
  /** Schedules a turn, which calls `collectInputs`. */
  readonly wake: () => void
}

/** Reasons for a rejection after which the same read may be confirmed a little later. */
const TRANSIENT: ReadonlySet<Rejection['reason']> = new Set(['no-leader', 'leadership-lost', 'timed-out'])

/** What a proposal may wait for: a leader, or, on a follower, that the leader answers what was forwarded to it before. */
function missingFor(rejection: Rejection): 'leader' | 'capacity' | undefined {
  switch (rejection.reason) {
    case 'no-leader':
    case 'not-leader':
      return rejection.leader === undefined ? 'leader' : undefined
    case 'leader-unreachable':
      return 'leader'
    case 'overloaded':
      return rejection.limit.startsWith('forwarded') ? 'capacity' : undefined
    default:
      return undefined
  }
}

export class Calls<Result> {
  readonly proposals: Proposals<Result>
  readonly reads: Reads
  readonly adminRequests: AdminRequests
  readonly statusWaiters: StatusWaiters
  readonly deadlines: CallDeadlines
  readonly #leaderHintOf: LeaderHintOf

  constructor(parts: CallsParts<Result>) {
    const { proposals, clock, meters, limits, appliedState, status, coreStatus, leaderHintOf, wake } = parts
    this.#leaderHintOf = leaderHintOf
    this.proposals = proposals
    this.reads = new Reads({ appliedState, status: coreStatus, limits, clock, meters, wake })
    this.adminRequests = new AdminRequests(leaderHintOf)
    this.statusWaiters = new StatusWaiters(status)
    this.deadlines = new CallDeadlines(clock, limits.callTimeoutMs, [
      (now) => this.proposals.sweep(now),
      (now) => this.reads.sweep(now),
      (now) => this.adminRequests.sweep(now),
      (now) => this.statusWaiters.sweep(now),
    ])
  }

  /** Called before each step: the queued proposals and reads become inputs. */
  collectInputs(post: (input: Input) => void): void {
    this.proposals.collectInputs(post)
    this.reads.collectInputs(post)
  }

  settle(settlement: Settlement): void {
    switch (settlement.type) {
      case 'accepted':
        return this.proposals.accepted(settlement.proposal, settlement.first, settlement.term)
      case 'rejected':
        return this.proposals.rejected(
          settlement.proposal,
          rejectionError(settlement.rejection, 'proposal', this.#leaderHintOf),
          missingFor(settlement.rejection),
        )
      case 'proposalUnknown':
        return this.proposals.unknown(settlement.proposal)
      case 'readReady':
        return this.reads.ready(settlement.read, settlement.index)
      case 'readRejected':
        return this.reads.rejected(
          settlement.read,
          rejectionError(settlement.rejection, 'read', this.#leaderHintOf),
          TRANSIENT.has(settlement.rejection.reason),
        )
      default:
        return this.adminRequests.settle(settlement)
    }
  }

  /** Rejects every pending call except the status waiters, which also wait for the node to stop. */
  close(why: string, cause?: RaftError): void {
    this.proposals.close(why, cause)
    this.reads.close(why, cause)
    this.adminRequests.close(why, cause)
  }
}
