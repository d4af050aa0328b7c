/** Everything a node can ask of the world. The core does nothing else; the runtime does nothing but this. */
import type { RaftEvent } from './events.ts'
import type { Outgoing } from './messages.ts'
import type { Block, HardState, Instant, LogIndex, LogRange, NodeId, SnapshotInfo } from './types.ts'

/**
 * One atomic write. It happens in the order of the fields: reset to a snapshot, truncate the suffix, append blocks, record the
 * hard state, compact the prefix. Several may be outstanding; they become durable in the order of their numbers.
 */
export interface Persist {
  readonly number: number
  /** From now on the log starts after this snapshot. `resetLog`: it was fetched from the leader and replaces the whole log. */
  readonly snapshot: { readonly info: SnapshotInfo; readonly resetLog: boolean } | undefined
  /** Drop every block that starts after this index (a conflicting suffix). */
  readonly truncateAfter: LogIndex | undefined
  /** In order; contiguous with what remains and with each other. */
  readonly blocks: readonly Block[]
  readonly hardState: HardState | undefined
  /** Drop every block that ends at or before this index; may be done later, and again. */
  readonly compactTo: LogIndex | undefined
  /** Whether somebody waits for it: false lets the write skip its fsync (a commit index, a compaction). */
  readonly isUrgent: boolean
  /** May leave only once this write is durable. */
  readonly then: readonly Outgoing[]
}

/** Why a proposal, a read, a change or a transfer was refused. In every case: surely not in the log. */
export type Rejection =
  | { readonly reason: 'not-leader' | 'no-leader'; readonly leader: NodeId | undefined }
  /** Leadership was lost before it was known to be confirmed (reads, transfers): ask again. */
  | { readonly reason: 'leadership-lost'; readonly leader: NodeId | undefined }
  | { readonly reason: 'transferring'; readonly to: NodeId }
  /** A new leader has not yet committed an entry of its term. */
  | { readonly reason: 'leader-not-ready' }
  | { readonly reason: 'overloaded'; readonly limit: string; readonly value: number; readonly max: number }
  | { readonly reason: 'change-in-progress'; readonly index: LogIndex }
  | { readonly reason: 'learner-not-ready'; readonly peer: NodeId; readonly lag: number }
  | { readonly reason: 'bad-change'; readonly detail: string }
  | { readonly reason: 'unsafe-change'; readonly detail: string }
  | { readonly reason: 'bad-target'; readonly detail: string }
  | { readonly reason: 'timed-out' }
  | { readonly reason: 'stopped'; readonly detail: string }

/** The answer to an input that carried a number of the caller's. Each number is settled exactly once. */
export type Settlement =
  /** Appended at [first, first + count) in `term`: applied, or overwritten by another entry, decides its fate. */
  | { readonly type: 'accepted'; readonly proposal: number; readonly first: LogIndex; readonly term: number }
  | { readonly type: 'rejected'; readonly proposal: number; readonly rejection: Rejection }
  /** Once applied up to `index`, the reader sees every write acknowledged before it asked. */
  | { readonly type: 'readReady'; readonly read: number; readonly index: LogIndex }
  | { readonly type: 'readRejected'; readonly read: number; readonly rejection: Rejection }
  /** The change was appended at `index` in `term`; it is done once a membership is committed that is not joint. */
  | { readonly type: 'changeAccepted'; readonly request: number; readonly index: LogIndex; readonly term: number }
  | { readonly type: 'changeRejected'; readonly request: number; readonly rejection: Rejection }
  /** The change and, if it was joint, the leaving of it are committed at `index`. */
  | { readonly type: 'changeDone'; readonly request: number; readonly index: LogIndex }
  /** Leadership was lost after the change was appended: it may or may not come into force. */
  | { readonly type: 'changeUnknown'; readonly request: number; readonly leader: NodeId | undefined }
  | { readonly type: 'transferred'; readonly request: number; readonly leader: NodeId | undefined }
  | { readonly type: 'transferRejected'; readonly request: number; readonly rejection: Rejection }

export interface Effects {
  readonly persist: Persist | undefined
  /** Promise nothing about this node's disk; may leave at once (but after earlier ones to the same peer). */
  readonly send: readonly Outgoing[]
  /** Restore the state machine from this snapshot, before applying anything of `apply`. */
  readonly install: SnapshotInfo | undefined
  /** Committed, durable here, to be applied in order; always whole blocks. */
  readonly apply: LogRange | undefined
  /** Fetch this snapshot from that node (resuming if begun), then say `snapshotFetched`. Replaces an earlier wish. */
  readonly fetch: { readonly from: NodeId; readonly snapshot: SnapshotInfo } | undefined
  /** Take a snapshot: a follower needs one and there is none new enough. */
  readonly takeSnapshot: boolean
  readonly settle: readonly Settlement[]
  readonly events: readonly RaftEvent[]
  /** The next instant at which a `timeout` input is wanted. */
  readonly wakeAt: Instant
}
