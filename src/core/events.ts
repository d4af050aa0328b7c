/** What an operator would want to know, as data. The core never logs; an observer makes text of these. */
import type { LogIndex, Membership, NodeId, SnapshotInfo, Term } from './types.ts'

/** Why a leader left its office. */
export type StepDownReason =
  | 'higher-term'
  | 'lost-quorum'
  | 'removed'
  | 'demoted'
  | 'transferred'
  | 'storage-stalled'
  | 'storage-failed'

export type RaftEvent =
  | { readonly type: 'termChanged'; readonly term: Term }
  | { readonly type: 'electionTimedOut'; readonly term: Term; readonly silentMs: number }
  | { readonly type: 'preVoteStarted'; readonly term: Term }
  | { readonly type: 'campaignStarted'; readonly term: Term; readonly isTransfer: boolean }
  | { readonly type: 'voteGranted'; readonly term: Term; readonly to: NodeId }
  | { readonly type: 'becameLeader'; readonly term: Term; readonly noopIndex: LogIndex }
  | { readonly type: 'becameFollower'; readonly term: Term }
  | { readonly type: 'steppedDown'; readonly term: Term; readonly reason: StepDownReason }
  | { readonly type: 'leaderChanged'; readonly term: Term; readonly leader: NodeId | undefined }
  /** This node was away (a blocked event loop, a stopped process, a sleeping machine): its timers were started afresh. */
  | { readonly type: 'paused'; readonly pausedMs: number }
  | { readonly type: 'logTruncated'; readonly after: LogIndex; readonly dropped: number }
  | { readonly type: 'logCompacted'; readonly to: LogIndex }
  | { readonly type: 'membershipAdopted'; readonly index: LogIndex; readonly membership: Membership }
  | { readonly type: 'membershipReverted'; readonly index: LogIndex; readonly membership: Membership }
  | { readonly type: 'membershipCommitted'; readonly index: LogIndex; readonly membership: Membership }
  /** A committed membership does not name this node any more. */
  | { readonly type: 'removed'; readonly index: LogIndex }
  /** A peer says so, although this node's own log does not (yet). */
  | { readonly type: 'toldRemoved'; readonly by: NodeId }
  | { readonly type: 'transferStarted'; readonly to: NodeId }
  | { readonly type: 'transferGivenUp'; readonly to: NodeId }
  | { readonly type: 'snapshotOffered'; readonly to: NodeId; readonly snapshot: SnapshotInfo }
  | { readonly type: 'snapshotInstalled'; readonly snapshot: SnapshotInfo }
  | { readonly type: 'followerCaughtUp'; readonly peer: NodeId }
  | { readonly type: 'storageStalled'; readonly stalledMs: number }
  | { readonly type: 'storageFailed'; readonly reason: string }
  /** A peer broke the protocol (a bug, corruption or malice); the message was ignored. */
  | { readonly type: 'protocolViolation'; readonly from: NodeId; readonly detail: string }
