/** The complete state of a node. The role is a union, so that leader-only data exists only on leaders. */

import { TermAllowance } from './election/term-allowance.ts'
import { ElectionTimer } from './election/timer.ts'
import type { VoteTally } from './election/vote-tally.ts'
import type { ForwardRecords } from './forwarding/forward-records.ts'
import { ForwardedProposals } from './forwarding/forwarded-proposals.ts'
import type { MembershipChange } from './inputs.ts'
import { RaftLog } from './log/raft-log.ts'
import type { SeenPeer } from './membership/change.ts'
import { MembershipHistory } from './membership/history.ts'
import { isVoter } from './membership/membership.ts'
import { Places } from './membership/places.ts'
import type { RaftOptions } from './options.ts'
import { Outbox } from './outbox.ts'
import { PendingWrites } from './pending-writes.ts'
import { Random } from './random.ts'
import { ForwardedReads } from './reads/forwarded-reads.ts'
import type { HeartbeatRounds } from './reads/heartbeat-rounds.ts'
import type { ReadQueue } from './reads/read-queue.ts'
import type { Progress } from './replication/progress.ts'
import type { RecentEntries } from './replication/recent-entries.ts'
import { StateDigests } from './replication/state-digests.ts'
import type { Block, HardState, Instant, LogIndex, Membership, NodeId, Shortage, SnapshotInfo, Term } from './types.ts'

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
  /** The number of the write that makes its own vote durable. The vote counts only then. */
  readonly selfVoteNumber: number
}

/** A leadership transfer in progress (thesis §3.10). */
export interface Transfer {
  readonly request: number
  readonly to: NodeId
  /** To a voter that should not lead, too. */
  readonly isForced: boolean
  readonly deadline: Instant
  isTimeoutNowSent: boolean
}

/** See the input `peerSeen`. */
interface PeerFeatures {
  readonly takesProposals: boolean
  readonly sharesSnapshots: boolean
}

/** A snapshot being fetched. */
export interface SnapshotFetch {
  readonly from: NodeId
  /** The leader that offered it. */
  readonly leader: NodeId
  readonly snapshot: SnapshotInfo
  readonly session: LogIndex
  /** The snapshot does not fit on the disk at present. */
  shortage?: Shortage | undefined
}

/** A change that waits for the leader's own entries. */
export interface QueuedChange {
  readonly request: number
  readonly change: MembershipChange
  readonly deadline: Instant
}

export interface LeaderState {
  readonly type: 'leader'
  /** What was answered to forwarded proposals. */
  readonly forwards: ForwardRecords
  /** The no-op of this term. Until it is committed the commit index may be too low, so reads and membership changes wait for it. */
  readonly noopIndex: LogIndex
  /** The progress of every other member, and of removed members until they have received their removal. */
  readonly progress: Map<NodeId, Progress>
  readonly rounds: HeartbeatRounds
  readonly reads: ReadQueue
  readonly recent: RecentEntries
  heartbeatDueAt: Instant
  /** Check-quorum counts silence from this instant at the earliest (the election, or the end of a pause). */
  quorumCheckStart: Instant
  transfer: Transfer | undefined
  /** TimeoutNow was sent in this term. Its receiver may become leader at any moment, so the lease is void. */
  hasSentTimeoutNow: boolean
  /** The caller's membership change in progress. */
  pendingChange: { readonly request: number } | undefined
  /** The caller's next change, queued until the leader's automatic change or no-op is committed. */
  queuedChange: QueuedChange | undefined
  /** Before this instant it records no further address of a member by itself. */
  nextMoveAt: Instant
}

export type RoleState = FollowerState | PreCandidateState | CandidateState | LeaderState

/** The state a node starts with: what it recovered from disk, or that of a new node. */
export interface InitialState {
  readonly hardState: HardState
  readonly snapshot: SnapshotInfo | undefined
  /** All blocks on disk, in order. */
  readonly blocks: readonly Block[]
  /** The membership if neither snapshot nor log holds one: the bootstrap membership, or empty for a joining node. */
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
  readonly forwardedProposals: ForwardedProposals
  readonly termAllowance: TermAllowance
  /** What connected peers say of themselves. A leader records it in the membership. */
  readonly seenPeers: Map<NodeId, SeenPeer> = new Map()
  /** The connected peers, and what they support. */
  readonly features: Map<NodeId, PeerFeatures> = new Map()
  readonly places: Places = new Places()
  /** Of this node's state machine. */
  readonly digests: StateDigests = new StateDigests()
  now: Instant
  term: Term
  votedFor: NodeId | undefined
  role: RoleState = { type: 'follower' }
  leader: NodeId | undefined
  snapshotFetch: SnapshotFetch | undefined
  /** Attempts in a row to fetch a snapshot that got no further. */
  failedFetches = 0
  /** This node is short of disk space. */
  shortage: Shortage | undefined
  /** The latest steps in a row that came much later than requested. */
  lateSteps: { readonly count: number; readonly at: Instant; readonly longestMs: number } | undefined
  /** How long its recent durable writes took, in whole milliseconds; 0 if they are fast. */
  writeMs = 0
  /** A committed membership no longer contains this node, though an earlier one did. */
  isRemoved = false
  /** Why this node stopped for good: its disk failed, or a leader contradicted a committed entry. */
  stopped: string | undefined

  constructor(options: RaftOptions, recovered: InitialState, now: Instant) {
    const { hardState, snapshot, blocks } = recovered
    this.options = options
    this.now = now
    this.random = new Random(options.seed)
    this.timer = new ElectionTimer(options, this.random, now, hardState.term === 0)
    // Before it restarted, this node may have answered a leader that still holds a lease.
    if (options.leaseReads && hardState.term > 0) this.timer.leaderContactAt = now
    this.forwardedReads = new ForwardedReads(this.random)
    // Its own random numbers: the election timeouts of a seed stay the same.
    this.forwardedProposals = new ForwardedProposals(new Random(options.seed + 1))
    this.termAllowance = new TermAllowance(now)
    this.term = hardState.term
    this.votedFor = hardState.votedFor
    this.log = new RaftLog(snapshot, blocks)
    this.memberships = membershipsOf(recovered)
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
   * Whether this node may lead: a voter of the current or of the last committed membership. A node outside its own latest
   * membership may still be needed to commit it (thesis §4.2.2).
   */
  get isElectable(): boolean {
    return isVoter(this.membership, this.id) || isVoter(this.memberships.at(this.log.commitIndex).membership, this.id)
  }

  get hardState(): HardState {
    return { term: this.term, votedFor: this.votedFor, commitIndex: this.log.commitIndex }
  }
}

/**
 * The memberships of the recovered log. Blocks behind the snapshot keep their own: a leader sends them to followers that need them. The
 * snapshot's membership stands in only where the log holds none at or below it.
 */
function membershipsOf({ snapshot, blocks, initialMembership }: InitialState): MembershipHistory {
  const inLog = blocks.flatMap(({ first: index, membership }) =>
    membership === undefined ? [] : [{ index, membership }],
  )
  const atSnapshot = { index: snapshot?.index ?? 0, membership: snapshot?.membership ?? initialMembership }
  const [base = atSnapshot, ...later] =
    (inLog[0]?.index ?? Infinity) <= atSnapshot.index ? inLog : [atSnapshot, ...inLog]
  const history = new MembershipHistory(base)
  for (const { index, membership } of later) history.append(index, membership)
  return history
}
