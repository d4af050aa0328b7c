/** Everything a node remembers. Leader-only data exists only on leaders: the role is a union. */

import { ElectionTimer } from './election/timer.ts'
import type { VoteTally } from './election/vote-tally.ts'
import type { MembershipChange } from './inputs.ts'
import { RaftLog } from './log/raft-log.ts'
import { MembershipHistory } from './membership/history.ts'
import { isVoter } from './membership/membership.ts'
import type { RaftOptions } from './options.ts'
import { Outbox } from './outbox.ts'
import { PendingWrites } from './pending-writes.ts'
import { Random } from './random.ts'
import { ForwardedReads } from './reads/forwarded-reads.ts'
import type { HeartbeatRounds } from './reads/heartbeat-rounds.ts'
import type { ReadQueue } from './reads/read-queue.ts'
import type { Progress } from './replication/progress.ts'
import type { Block, HardState, Instant, LogIndex, Membership, NodeId, SnapshotInfo, Term } from './types.ts'

export interface FollowerState {
  readonly type: 'follower'
}

export interface PreCandidateState {
  readonly type: 'pre-candidate'
  readonly tally: VoteTally
}

export interface CandidateState {
  readonly type: 'candidate'
  readonly tally: VoteTally
  /** Its own vote counts once this write is durable (0: it already does). */
  selfVoteNumber: number
}

/** A hand-over under way (thesis §3.10). */
export interface Transfer {
  readonly request: number
  readonly to: NodeId
  readonly deadline: Instant
  /** TimeoutNow has been sent to the target. */
  isTimeoutNowSent: boolean
}

/** A snapshot being fetched, and how to answer whoever offered it. */
export interface SnapshotFetch {
  readonly from: NodeId
  readonly snapshot: SnapshotInfo
  readonly session: LogIndex
}

export interface LeaderState {
  readonly type: 'leader'
  /** The no-op of its term: until it is committed nothing of older terms is known to be, so no reads and no membership changes. */
  readonly noopIndex: LogIndex
  /** Of every other member. Kept for a removed one until it knows. */
  readonly progress: Map<NodeId, Progress>
  readonly rounds: HeartbeatRounds
  readonly reads: ReadQueue
  heartbeatDueAt: Instant
  /** Check-quorum does not look back beyond this instant (its election, or the end of a pause). */
  quorumCheckStart: Instant
  transfer: Transfer | undefined
  /** TimeoutNow has left in this term: the target may win without waiting for us, so a lease proves nothing any more. */
  hasSentTimeoutNow: boolean
  /** The caller's membership change under way. */
  pendingChange: { readonly request: number } | undefined
  /** The caller's next one, until what the leader does of its own accord is committed. */
  queuedChange: { readonly request: number; readonly change: MembershipChange } | undefined
}

export type RoleState = FollowerState | PreCandidateState | CandidateState | LeaderState

/** What was found on disk, or the beginnings of a new node. */
export interface InitialState {
  readonly hardState: HardState
  readonly snapshot: SnapshotInfo | undefined
  /** All blocks on disk, in order. */
  readonly blocks: readonly Block[]
  /** In force where neither snapshot nor log says otherwise: the bootstrap membership, or nobody for a joining node. */
  readonly initialMembership: Membership
}

export class RaftState {
  readonly options: RaftOptions
  readonly random: Random
  readonly timer: ElectionTimer
  readonly log: RaftLog
  readonly memberships: MembershipHistory
  readonly pendingWrites: PendingWrites = new PendingWrites()
  readonly outbox: Outbox = new Outbox()
  readonly forwardedReads: ForwardedReads
  /** Directory ids shown at handshakes, to be bound into the membership by whoever leads. */
  readonly seenDirectoryIds: Map<NodeId, string> = new Map()
  now: Instant
  term: Term
  votedFor: NodeId | undefined
  role: RoleState = { type: 'follower' }
  leader: NodeId | undefined
  /** A snapshot being fetched from the leader. */
  snapshotFetch: SnapshotFetch | undefined
  /** A committed membership no longer names this node, though one before did. */
  isRemoved = false
  /** The disk has failed: nothing is said any more. */
  stopped: string | undefined

  constructor(options: RaftOptions, recovered: InitialState, now: Instant) {
    const { hardState, snapshot, blocks, initialMembership } = recovered
    this.options = options
    this.now = now
    this.random = new Random(options.seed)
    this.timer = new ElectionTimer(options, this.random, now)
    this.forwardedReads = new ForwardedReads(this.random)
    this.term = hardState.term
    this.votedFor = hardState.votedFor
    this.log = new RaftLog(snapshot, blocks)
    this.memberships = new MembershipHistory({
      index: snapshot?.index ?? 0,
      membership: snapshot?.membership ?? initialMembership,
    })
    for (const block of blocks) {
      if (block.membership === undefined || block.first <= this.log.snapshotIndex) continue
      this.memberships.append(block.first, block.membership)
    }
    const commit = this.log.floorToBoundary(Math.min(hardState.commitIndex, this.log.lastIndex))
    this.log.commitTo(Math.max(commit, this.log.snapshotIndex))
    this.isRemoved = this.memberships.wasRemoved(this.id, this.log.commitIndex)
  }

  get id(): NodeId {
    return this.options.id
  }

  get membership(): Membership {
    return this.memberships.current.membership
  }

  /**
   * Whether this node may lead: a voter now, or one of the last committed membership (thesis §4.2.2: who is not in its own latest
   * membership may still be needed to get that one committed).
   */
  get isElectable(): boolean {
    return isVoter(this.membership, this.id) || isVoter(this.memberships.at(this.log.commitIndex).membership, this.id)
  }

  get hardState(): HardState {
    return { term: this.term, votedFor: this.votedFor, commitIndex: this.log.commitIndex }
  }
}
