/** Events for operators and logs, as data. The core does not log. */
import type { LogIndex, Membership, NodeId, SnapshotInfo, Term } from './types.ts'

/** Why a leader stepped down. */
export type StepDownReason =
  | 'higher-term'
  | 'lost-quorum'
  | 'paused'
  | 'removed'
  | 'demoted'
  | 'transferred'
  | 'storage-stalled'
  | 'storage-failed'
  | 'state-differs'

/** The hash chains of two logs at one index. Its own is undefined if no block ends there, because the logs are divided into other blocks. */
export interface ChainsAt {
  readonly own: number | undefined
  readonly leader: number
}

/** Something an operator may want to know about. Events are informative: ignoring them is safe. */
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
  /** This node did not run for a while (blocked event loop, stopped process, suspended machine); its timers were restarted. */
  | { readonly type: 'paused'; readonly pausedMs: number }
  /**
   * Several steps in a row came much later than requested, the last two `intervalMs` apart: the caller's clock is coarse, or its process is
   * short of CPU time. From now on that is not taken for pauses. With an interval of `electionTimeoutMinMs` or more the cluster may not
   * elect a leader, or not keep it: step at `wakeAt`, or use longer timeouts.
   */
  | { readonly type: 'clockCoarse'; readonly intervalMs: number; readonly electionTimeoutMinMs: number }
  | { readonly type: 'logTruncated'; readonly after: LogIndex; readonly dropped: number }
  | { readonly type: 'logCompacted'; readonly to: LogIndex }
  /** A membership change waits for an entry of the leader itself, for `storageStallMs` at most: its no-op or an automatic change. */
  | { readonly type: 'changeQueued'; readonly request: number }
  | { readonly type: 'membershipAdopted'; readonly index: LogIndex; readonly membership: Membership }
  | { readonly type: 'membershipReverted'; readonly index: LogIndex; readonly membership: Membership }
  | { readonly type: 'membershipCommitted'; readonly index: LogIndex; readonly membership: Membership }
  /** A committed membership no longer contains this node. */
  | { readonly type: 'removed'; readonly index: LogIndex }
  /** A peer reports that this node is removed; this node's own log may not show it yet. */
  | { readonly type: 'toldRemoved'; readonly by: NodeId }
  /** This leader records the address at which it, or at which its peers, reach a member. */
  | { readonly type: 'memberMoved'; readonly peer: NodeId; readonly from: string; readonly to: string }
  /** If its disk is slow: how long durable writes take on this node and on the target. */
  | {
      readonly type: 'transferStarted'
      readonly to: NodeId
      readonly ownWriteMs?: number | undefined
      readonly targetWriteMs?: number | undefined
    }
  | { readonly type: 'transferGivenUp'; readonly to: NodeId }
  | {
      readonly type: 'snapshotOffered'
      readonly to: NodeId
      readonly snapshot: SnapshotInfo
      readonly source?: NodeId | undefined
    }
  /** The offered snapshot does not fit on the disk of this follower, which waits for space. */
  | {
      readonly type: 'snapshotStalled'
      readonly peer: NodeId
      readonly freeBytes: number
      readonly neededBytes: number
    }
  /** The follower no longer waits for space for a snapshot. */
  | { readonly type: 'snapshotResumed'; readonly peer: NodeId }
  /** A follower has failed to fetch the leader's snapshot so many times in a row, and gets no further. */
  | { readonly type: 'snapshotFetchFailing'; readonly peer: NodeId; readonly attempts: number }
  /** That follower has got further, or needs no snapshot any longer. */
  | { readonly type: 'snapshotFetchRecovered'; readonly peer: NodeId }
  | { readonly type: 'snapshotInstalled'; readonly snapshot: SnapshotInfo }
  | { readonly type: 'followerCaughtUp'; readonly peer: NodeId }
  | { readonly type: 'storageStalled'; readonly stalledMs: number }
  | { readonly type: 'storageFailed'; readonly reason: string }
  /**
   * The leader's log contradicts this one: committed data was lost or forked, or one of the two logs is damaged. This node has stopped.
   * `chains` is set if the terms at `index` are equal; then the contents differ somewhere from `agreedIndex + 1` to `index`.
   */
  | {
      readonly type: 'diverged'
      readonly from: NodeId
      readonly index: LogIndex
      readonly agreedIndex: LogIndex
      readonly commitIndex: LogIndex
      readonly ownTerm: Term
      readonly leaderTerm: Term
      readonly chains: ChainsAt | undefined
    }
  /**
   * The state machine of a follower has another state after the entry at `index` than the leader's, although the entries are equal. Whichever
   * contradicts a quorum stops.
   */
  | { readonly type: 'stateDiffers'; readonly peer: NodeId; readonly index: LogIndex }
  /** The follower that had another state has the same again. */
  | { readonly type: 'stateAgrees'; readonly peer: NodeId }
  /** The state machine of this node has another state after the entry at `index` than those of a quorum, as `leader` says, or as it knows itself if it led. This node has stopped. */
  | { readonly type: 'otherState'; readonly index: LogIndex; readonly leader: NodeId | undefined }
  /**
   * A follower acknowledged the entries up to `acknowledged` as durable and no longer has the one at `missing`. It counts towards no quorum
   * until it is removed; writes that it acknowledged may be lost with the next failure.
   */
  | {
      readonly type: 'acknowledgementLost'
      readonly peer: NodeId
      readonly acknowledged: LogIndex
      readonly missing: LogIndex
    }
  /** A peer claims a term so much higher that this node approaches it only in steps: a node that was away for years, a bug or malice. */
  | { readonly type: 'termJumpLimited'; readonly from: NodeId; readonly claimed: Term; readonly term: Term }
  /** A peer sent an invalid message (bug, corruption or malice); it was ignored. */
  | { readonly type: 'protocolViolation'; readonly from: NodeId; readonly detail: string }
