/** The messages between nodes, named as in the paper. */
import type { Block, LogIndex, NodeId, Shortage, SnapshotInfo, SnapshotReport, StateDigest, Term } from './types.ts'

/** Requests a vote for the sender in `term` (§5.2). */
export interface RequestVoteRequest {
  readonly type: 'RequestVoteRequest'
  readonly term: Term
  readonly lastIndex: LogIndex
  readonly lastTerm: Term
  /** The sender campaigns because of a TimeoutNow, so leader stickiness does not apply (thesis §4.2.3). */
  readonly isTransfer: boolean
}

export interface RequestVoteResponse {
  readonly type: 'RequestVoteResponse'
  readonly term: Term
  readonly isGranted: boolean
}

/** Asks whether the receiver would vote for the sender in `term`, without changing any term (thesis §9.6). */
export interface PreVoteRequest {
  readonly type: 'PreVoteRequest'
  /** The term of the possible election: the sender's own plus one. */
  readonly term: Term
  readonly lastIndex: LogIndex
  readonly lastTerm: Term
}

export interface PreVoteResponse {
  readonly type: 'PreVoteResponse'
  /** If granted, the requested term; otherwise the responder's own. */
  readonly term: Term
  readonly isGranted: boolean
  /** The responder's committed membership does not contain the requester. */
  readonly isRemoved: boolean
}

/** Replicates blocks (§5.3); without blocks, a heartbeat. */
export interface AppendEntriesRequest {
  readonly type: 'AppendEntriesRequest'
  readonly term: Term
  readonly prevIndex: LogIndex
  readonly prevTerm: Term
  /** The leader's hash chain at prevIndex. */
  readonly prevChain: number
  readonly commitIndex: LogIndex
  /** Contiguous from prevIndex + 1. */
  readonly blocks: readonly Block[]
  /** The heartbeat round. The response echoes it, which confirms leadership for reads (thesis §6.4). */
  readonly round: number
  /** The receiver's membership session (`Member.addedAt`). The response echoes it. */
  readonly session: LogIndex
  /** The state of a quorum, if the receiver has reported another one at this index. */
  readonly digestOfQuorum?: StateDigest | undefined
}

/** The result of an AppendEntries. */
export interface AppendEntriesResponse {
  readonly type: 'AppendEntriesResponse'
  readonly term: Term
  readonly isAccepted: boolean
  /** Accepted: the log matches the leader's up to here, durably. Rejected: the prevIndex that did not match. */
  readonly index: LogIndex
  /** Rejected: where the leader should probe next, and the term of the follower's entry there. 0 if accepted. */
  readonly hintIndex: LogIndex
  readonly hintTerm: Term
  /** Accepted: the follower's hash chain at `index`; undefined if it is compacted there. */
  readonly chain: number | undefined
  readonly round: number
  readonly session: LogIndex
  /** How many entries the follower knows to be committed and has not applied; a restore counts as all of them. Absent if none. */
  readonly applyLag?: number | undefined
  /** The follower is short of disk space, and should not become leader. */
  readonly shortage?: Shortage | undefined
  /** How long the follower's recent durable writes took, in whole milliseconds. Absent if they are fast or it has not measured any. */
  readonly writeMs?: number | undefined
  /** Accepted: the latest digest of the follower's state machine, if it computes digests. */
  readonly digest?: StateDigest | undefined
  /** Accepted a heartbeat: the follower's newest snapshot. Rejected: the one that it is fetching. */
  readonly snapshot?: SnapshotReport | undefined
}

/** Offers a snapshot (§7). The follower fetches the file itself, so that it can resume, and responds once it is installed. */
export interface InstallSnapshotRequest {
  readonly type: 'InstallSnapshotRequest'
  readonly term: Term
  readonly snapshot: SnapshotInfo
  /** The member to fetch it from; absent if that is the leader. Only to a receiver whose version knows this field. */
  readonly source?: NodeId | undefined
  readonly round: number
  readonly session: LogIndex
}

export interface InstallSnapshotResponse {
  readonly type: 'InstallSnapshotResponse'
  readonly term: Term
  /** `installed`: durable up to `index`. `fetching`: in progress, and the log ends at `index`. `failed`: the leader should offer another snapshot. */
  readonly outcome: 'installed' | 'fetching' | 'failed'
  readonly index: LogIndex
  readonly round: number
  readonly session: LogIndex
  /** Fetching: the snapshot does not fit on the follower's disk at present. */
  readonly shortage?: Shortage | undefined
  /** How many attempts in a row to fetch a snapshot got no further, if they are so many that the leader should know. */
  readonly failedFetches?: number | undefined
}

/** Makes the receiver campaign at once (thesis §3.10). */
export interface TimeoutNow {
  readonly type: 'TimeoutNow'
  readonly term: Term
}

/** Requests a read index on behalf of a reader on a follower (thesis §6.4). `read` is the follower's own number, never reused. */
export interface ReadIndexRequest {
  readonly type: 'ReadIndexRequest'
  readonly term: Term
  readonly read: number
}

export interface ReadIndexResponse {
  readonly type: 'ReadIndexResponse'
  readonly term: Term
  readonly read: number
  /** The follower may serve the read once this index is applied. Undefined: rejected, retry later. */
  readonly index: LogIndex | undefined
}

/**
 * Forwards the commands that a follower was asked to propose. `origin` is a random number of the sender's process and `ticket` its own
 * number, never reused. The sender waits for no answer to tickets below `lowest`.
 */
export interface ProposeRequest {
  readonly type: 'ProposeRequest'
  readonly term: Term
  readonly origin: number
  readonly ticket: number
  readonly lowest: number
  readonly count: number
  readonly size: number
  /** The CRC-32 of the commands. */
  readonly checksum: number
  readonly payload: unknown
}

/** Why a proposal was certainly not appended. */
export type ForwardRejection =
  | { readonly reason: 'not-leader'; readonly leader: NodeId | undefined }
  | { readonly reason: 'transferring'; readonly to: NodeId }
  /** The limit `limit` (an option, currently at `value` of `max`) is reached. */
  | { readonly reason: 'overloaded'; readonly limit: string; readonly value: number; readonly max: number }
  /** The disk of the leader is short of space. */
  | ({ readonly reason: 'no-space' } & Shortage)

/** With neither `first` nor `rejection`, the outcome is unknown. */
export interface ProposeResponse {
  readonly type: 'ProposeResponse'
  readonly term: Term
  readonly origin: number
  readonly ticket: number
  /** The commands were appended from this index on, in `term`. */
  readonly first: LogIndex | undefined
  readonly rejection: ForwardRejection | undefined
}

export type Message =
  | RequestVoteRequest
  | RequestVoteResponse
  | PreVoteRequest
  | PreVoteResponse
  | AppendEntriesRequest
  | AppendEntriesResponse
  | InstallSnapshotRequest
  | InstallSnapshotResponse
  | TimeoutNow
  | ReadIndexRequest
  | ReadIndexResponse
  | ProposeRequest
  | ProposeResponse

/** A message and its destination. */
export interface Outgoing {
  readonly to: NodeId
  readonly message: Message
}
