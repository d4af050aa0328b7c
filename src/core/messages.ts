/** What nodes say to each other: one type per message, with exactly its fields and the paper's names. */
import type { Block, LogIndex, NodeId, SnapshotInfo, Term } from './types.ts'

/** §5.2: "vote for me in `term`". */
export interface RequestVoteRequest {
  readonly type: 'RequestVoteRequest'
  readonly term: Term
  readonly lastIndex: LogIndex
  readonly lastTerm: Term
  /** The campaign was ordered by TimeoutNow: leader stickiness does not apply (thesis §4.2.3). */
  readonly isTransfer: boolean
}

export interface RequestVoteResponse {
  readonly type: 'RequestVoteResponse'
  readonly term: Term
  readonly isGranted: boolean
}

/** Thesis §9.6: "would you vote for me in `term`?"; changes nobody's term. */
export interface PreVoteRequest {
  readonly type: 'PreVoteRequest'
  /** The term the sender would campaign in: its own plus one. */
  readonly term: Term
  readonly lastIndex: LogIndex
  readonly lastTerm: Term
}

export interface PreVoteResponse {
  readonly type: 'PreVoteResponse'
  /** If granted, the term asked for; if refused, the responder's own. */
  readonly term: Term
  readonly isGranted: boolean
  /** The responder knows, from a committed membership, that the asker is not a member any more. */
  readonly isRemoved: boolean
}

/** §5.3. Without blocks it is a heartbeat. */
export interface AppendEntriesRequest {
  readonly type: 'AppendEntriesRequest'
  readonly term: Term
  readonly prevIndex: LogIndex
  readonly prevTerm: Term
  readonly commitIndex: LogIndex
  /** Contiguous from prevIndex + 1. */
  readonly blocks: readonly Block[]
  /** Rises with every heartbeat round; echoed, it confirms leadership (thesis §6.4) and measures contact. */
  readonly round: number
  /** The membership session of the receiver (`Member.addedAt`); echoed. */
  readonly session: LogIndex
}

/** Of an accepted or rejected AppendEntries. */
export interface AppendEntriesResponse {
  readonly type: 'AppendEntriesResponse'
  readonly term: Term
  readonly isAccepted: boolean
  /** Accepted: the log equals the leader's up to here, durably. Rejected: the prevIndex that did not match. */
  readonly index: LogIndex
  /** Rejected: where to probe next, and the term of the follower's entry there (0 when accepted). */
  readonly hintIndex: LogIndex
  readonly hintTerm: Term
  readonly round: number
  readonly session: LogIndex
}

/** §7: an offer. The follower fetches the bytes itself (so it resumes where it stopped) and answers once installed. */
export interface InstallSnapshotRequest {
  readonly type: 'InstallSnapshotRequest'
  readonly term: Term
  readonly snapshot: SnapshotInfo
  readonly round: number
  readonly session: LogIndex
}

export interface InstallSnapshotResponse {
  readonly type: 'InstallSnapshotResponse'
  readonly term: Term
  /** `installed`: durable up to `index`. `fetching`: alive and on it. `failed`: offer another one. */
  readonly outcome: 'installed' | 'fetching' | 'failed'
  readonly index: LogIndex
  readonly round: number
  readonly session: LogIndex
}

/** Thesis §3.10: "campaign at once". */
export interface TimeoutNow {
  readonly type: 'TimeoutNow'
  readonly term: Term
}

/** Thesis §6.4, asked by a follower on behalf of its readers. `read` is the follower's own ticket, never reused. */
export interface ReadIndexRequest {
  readonly type: 'ReadIndexRequest'
  readonly term: Term
  readonly read: number
}

export interface ReadIndexResponse {
  readonly type: 'ReadIndexResponse'
  readonly term: Term
  readonly read: number
  /** Applied up to here, the follower may answer; undefined: refused, ask again later. */
  readonly index: LogIndex | undefined
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

/** A message and where it goes. */
export interface Outgoing {
  readonly to: NodeId
  readonly message: Message
}
