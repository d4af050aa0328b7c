/** The inputs of the core: everything that can happen to a node. Nothing else changes its state. */
import type { Message } from './messages.ts'
import type { Boot, LogIndex, MemberMetadata, NodeId, Shortage, SnapshotInfo, StateDigest, Term } from './types.ts'

/** The differences between the current membership and the requested one. They take effect together or not at all. */
export interface MembershipChange {
  /** New members, added as learners. With `promote`, or if `promote` of the change names them, the leader makes them voters once they have caught up. */
  readonly add?: readonly { readonly id: NodeId; readonly address: string; readonly promote?: boolean }[] | undefined
  /** Learners to make voters; rejected until they have caught up. `changeDone` comes when a newcomer is a learner. */
  readonly promote?: readonly NodeId[] | undefined
  /** Voters to make learners. */
  readonly demote?: readonly NodeId[] | undefined
  readonly remove?: readonly NodeId[] | undefined
  /** Members with a new address. */
  readonly move?: readonly { readonly id: NodeId; readonly address: string }[] | undefined
  /** Compare-and-set: only if the membership in force is still that of this index (`RaftStatus.membershipIndex`). The leader's own changes count too. */
  readonly ifIndex?: LogIndex | undefined
}

/** The numbers `proposal`, `read` and `request` are chosen by the caller, unique per kind; the settlement repeats them. */
export type Input =
  /** The instant `Effects.wakeAt` has come. */
  | { readonly type: 'timeout' }
  | { readonly type: 'receive'; readonly from: NodeId; readonly message: Message }
  /**
   * Appends `count` commands of `size` bytes as one block, all or nothing; a follower forwards them to the leader. `payload` is passed on in
   * the block; `checksum` is the CRC-32 of the commands in it.
   */
  | {
      readonly type: 'propose'
      readonly proposal: number
      readonly count: number
      readonly size: number
      readonly checksum: number
      readonly payload: unknown
      /** False: a follower rejects them. */
      readonly forward?: boolean | undefined
      /** Appended only by the leader of this term. Not forwarded. */
      readonly expectTerm?: Term | undefined
    }
  /** Requests a linearizable read (thesis §6.4). Without `leaseReads`, and on followers, 'lease' is served as 'quorum'. */
  | { readonly type: 'read'; readonly read: number; readonly mode: 'quorum' | 'lease' }
  | { readonly type: 'changeMembership'; readonly request: number; readonly change: MembershipChange }
  /**
   * Transfers leadership to `to`, or to the most up-to-date voter (thesis §3.10). Only with `isForced` to one that should not lead.
   * With `toFasterDisk` and no `to`, to the voter with the fastest disk, if this node's is slow compared with it.
   */
  | {
      readonly type: 'transfer'
      readonly request: number
      readonly to: NodeId | undefined
      readonly isForced?: boolean | undefined
      readonly toFasterDisk?: boolean | undefined
    }
  /** The write `number` and all before it are durable. */
  | { readonly type: 'persisted'; readonly number: number }
  /** A write failed. This node sends nothing more, permanently. */
  | { readonly type: 'storageFailed'; readonly reason: string }
  /** The state machine has applied all entries up to `index`, or was restored from a snapshot at `index`. */
  | { readonly type: 'applied'; readonly index: LogIndex }
  /** The state machine has computed a digest of its state, at an index at which every node does. */
  | { readonly type: 'digested'; readonly digest: StateDigest }
  /** This node is short of disk space, or no longer (undefined). Followers report it to the leader. */
  | { readonly type: 'spaceChecked'; readonly shortage: Shortage | undefined }
  /** How long this node's recent durable writes took, in whole milliseconds. Followers report it to the leader. */
  | { readonly type: 'diskTimed'; readonly writeMs: number }
  /** A snapshot of this node's state machine is durable. */
  | { readonly type: 'snapshotTaken'; readonly snapshot: SnapshotInfo }
  /** The snapshot requested by `Effects.fetch` is durable and verified. Its id is that of the file on this node. */
  | { readonly type: 'snapshotFetched'; readonly snapshot: SnapshotInfo }
  /** The snapshot requested by `Effects.fetch` does not fit on the disk and is not fetched yet, or fits by now (undefined). */
  | {
      readonly type: 'snapshotFetchStalled'
      readonly snapshot: SnapshotInfo
      readonly shortage: Shortage | undefined
    }
  /** The snapshot requested by `Effects.fetch` could not be fetched. */
  | { readonly type: 'snapshotFetchFailed'; readonly snapshot: SnapshotInfo; readonly reason: string }
  /** So many attempts in a row to fetch a snapshot got no further; 0 once one did. Followers report it to the leader. */
  | { readonly type: 'snapshotFetchesCounted'; readonly failed: number }
  /**
   * A link to a peer was opened; the peer sent this directory id and boot in its handshake. `takesProposals`: its version understands
   * ProposeRequest. `sharesSnapshots`: it understands `InstallSnapshotRequest.source`, and its state machine reads and writes snapshots as that of
   * this node does.
   */
  | {
      readonly type: 'peerSeen'
      readonly peer: NodeId
      readonly directoryId: string
      readonly boot?: Boot | undefined
      /** Undefined if its version sends none. */
      readonly metadata?: MemberMetadata | undefined
      readonly takesProposals?: boolean | undefined
      readonly sharesSnapshots?: boolean | undefined
    }
  /**
   * Whether connections of this node reach a peer, and the address at which the peer is, if that should be its address of record. For
   * this node itself, where its peers reach it. Optional: without it, addresses change only by `move`.
   */
  | {
      readonly type: 'peerPlace'
      readonly peer: NodeId
      readonly isReached: boolean
      readonly address: string | undefined
    }
  /** The link to a peer broke; messages in flight may be lost. */
  | { readonly type: 'peerLost'; readonly peer: NodeId }
