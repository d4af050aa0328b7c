/** The effects of the core: everything a step asks its caller to do. */
import type { RaftEvent } from './events.ts'
import type { ForwardRejection, Outgoing } from './messages.ts'
import type { Block, HardState, Instant, LogIndex, LogRange, NodeId, Shortage, SnapshotInfo, Term } from './types.ts'

/**
 * One atomic write, in the order of the fields: reset the log to a snapshot, truncate the suffix, append blocks, store the hard
 * state, compact the prefix. Several writes may be pending; they must become durable in the order of their numbers.
 */
export interface Persist {
  readonly number: number
  /** The newest snapshot. With `resetLog` it was fetched from the leader and replaces the whole log. */
  readonly snapshot: { readonly info: SnapshotInfo; readonly resetLog: boolean } | undefined
  /** Drop all blocks that start after this index (a conflicting suffix). */
  readonly truncateAfter: LogIndex | undefined
  /** Blocks to append, contiguous with the rest of the log and with each other. */
  readonly blocks: readonly Block[]
  readonly hardState: HardState | undefined
  /** Drop all blocks that end at or before this index. May be deferred and repeated. */
  readonly compactTo: LogIndex | undefined
  /** False if nothing depends on the write being durable (a compaction): it may skip its fsync. */
  readonly isUrgent: boolean
  /** Messages to send once this write is durable, not before. */
  readonly then: readonly Outgoing[]
}

/** A voter that should not lead at present. */
export interface UnfitVoter {
  readonly peer: NodeId
  /** It is short of disk space. */
  readonly shortage: Shortage | undefined
  /** Committed entries that it has not applied, if these are too many (`caughtUpEntries`); otherwise 0. */
  readonly applyLag: number
  /** How long its durable writes take, if they are slow compared with those of the fastest disk; otherwise 0. */
  readonly writeMs: number
}

/** Why a proposal, read, membership change or transfer was rejected. A rejected proposal or change is certainly not in the log. */
export type Rejection =
  | ForwardRejection
  | { readonly reason: 'no-leader'; readonly leader: NodeId | undefined }
  /** The leader is not connected to this node, so nothing was forwarded to it. */
  | { readonly reason: 'leader-unreachable'; readonly leader: NodeId }
  /** The proposal expects an earlier term than this node's, which is `term`. */
  | { readonly reason: 'other-term'; readonly term: Term; readonly leader: NodeId | undefined }
  /** Leadership was lost before the request completed; it is safe to retry. */
  | { readonly reason: 'leadership-lost'; readonly leader: NodeId | undefined }
  /** The leader has not yet committed an entry of its term. */
  | { readonly reason: 'leader-not-ready' }
  /** The membership at `index` is not committed yet, or is joint. */
  | { readonly reason: 'change-in-progress'; readonly index: LogIndex }
  /** The change is for the membership of another index than this, which is in force. */
  | { readonly reason: 'membership-changed'; readonly index: LogIndex }
  /** The learner to promote lacks `lag` entries, or has not applied `applyLag` committed ones. */
  | { readonly reason: 'learner-not-ready'; readonly peer: NodeId; readonly lag: number; readonly applyLag: number }
  /** The leader does not reach the learner to promote: other voters would not either. */
  | { readonly reason: 'learner-out-of-reach'; readonly peer: NodeId }
  /** The change does not fit the current membership. */
  | { readonly reason: 'bad-change'; readonly detail: string }
  /** The new membership would have no quorum of responding voters. */
  | { readonly reason: 'unsafe-change'; readonly detail: string }
  /** The transfer target is not a suitable voter. */
  | { readonly reason: 'bad-target'; readonly detail: string }
  /** The transfer target, or every possible one, should not lead at present: a forced transfer takes it all the same. */
  | { readonly reason: 'unfit-target'; readonly unfit: readonly UnfitVoter[] }
  | { readonly reason: 'timed-out' }
  /** This node stopped for good: see `RaftStatus.stopped`. */
  | { readonly reason: 'stopped'; readonly detail: string }

/**
 * The outcome of a `propose`, `read`, `changeMembership` or `transfer` input. Each is settled once; an accepted change is settled
 * again with `changeDone` or `changeUnknown`.
 */
export type Settlement =
  /** Appended at [first, first + count) in `term`. It is committed once an entry of `term` is applied at `first`. */
  | { readonly type: 'accepted'; readonly proposal: number; readonly first: LogIndex; readonly term: number }
  | { readonly type: 'rejected'; readonly proposal: number; readonly rejection: Rejection }
  /** Forwarded to a leader whose answer will not come, or came too late: it may or may not be applied. */
  | { readonly type: 'proposalUnknown'; readonly proposal: number; readonly leader: NodeId | undefined }
  /** Once `index` is applied, the state machine reflects every write acknowledged before the read was requested. */
  | { readonly type: 'readReady'; readonly read: number; readonly index: LogIndex }
  | { readonly type: 'readRejected'; readonly read: number; readonly rejection: Rejection }
  /** The change was appended at `index` in `term`. `changeDone` or `changeUnknown` follows. */
  | { readonly type: 'changeAccepted'; readonly request: number; readonly index: LogIndex; readonly term: number }
  | { readonly type: 'changeRejected'; readonly request: number; readonly rejection: Rejection }
  /** The new membership is committed at `index`, and is not joint. */
  | { readonly type: 'changeDone'; readonly request: number; readonly index: LogIndex }
  /** Leadership was lost after the change was appended: it may or may not take effect. */
  | { readonly type: 'changeUnknown'; readonly request: number; readonly leader: NodeId | undefined }
  /** Leadership left this node as requested, or `to` was this node already. */
  | { readonly type: 'transferred'; readonly request: number; readonly leader: NodeId | undefined }
  /** The target was asked to start an election, and this node does not know whether it wins: it may still. */
  | { readonly type: 'transferUnknown'; readonly request: number; readonly to: NodeId }
  | { readonly type: 'transferRejected'; readonly request: number; readonly rejection: Rejection }

/** A snapshot that the leader has offered. */
export interface SnapshotToFetch {
  /** The leader, or another member that has it. */
  readonly from: NodeId
  readonly leader: NodeId
  readonly snapshot: SnapshotInfo
}

/** What one step asks its caller to do. */
export interface Effects {
  readonly persist: Persist | undefined
  /** Messages that do not depend on `persist`. Send them at once, in order per peer. */
  readonly send: readonly Outgoing[]
  /** Restore the state machine from this snapshot, before applying `apply`. */
  readonly install: SnapshotInfo | undefined
  /** Apply these entries in order. They are committed and durable on this node; always whole blocks. */
  readonly apply: LogRange | undefined
  /** Fetch this snapshot, then report `snapshotFetched` or `snapshotFetchFailed`. It replaces a fetch in progress. */
  readonly fetch: SnapshotToFetch | undefined
  /** Take a snapshot of the state machine: a follower needs a newer one. */
  readonly takeSnapshot: boolean
  readonly settle: readonly Settlement[]
  readonly events: readonly RaftEvent[]
  /** Call `step` with a `timeout` input at this instant, if not earlier. */
  readonly wakeAt: Instant
}
