/** Everything that can happen to a node. Nothing else changes its state. */
import type { Message } from './messages.ts'
import type { LogIndex, NodeId, SnapshotInfo } from './types.ts'

/** A wanted change of the membership: from today's to the one with these differences, in one step. */
export interface MembershipChange {
  /** New members, added as learners; with `promote`, made voters by the leader once they have caught up. */
  readonly add?: readonly { readonly id: NodeId; readonly address: string; readonly promote?: boolean }[] | undefined
  /** Learners to make voters; refused while they lag. */
  readonly promote?: readonly NodeId[] | undefined
  /** Voters to make learners. */
  readonly demote?: readonly NodeId[] | undefined
  readonly remove?: readonly NodeId[] | undefined
  /** Members reached at a new address from now on. */
  readonly move?: readonly { readonly id: NodeId; readonly address: string }[] | undefined
}

export type Input =
  /** The instant asked for by `wakeAt` has come. */
  | { readonly type: 'timeout' }
  | { readonly type: 'receive'; readonly from: NodeId; readonly message: Message }
  /** `count` commands, to become one block, all or nothing. `payload` is passed on in the block. */
  | {
      readonly type: 'propose'
      readonly proposal: number
      readonly count: number
      readonly size: number
      readonly payload: unknown
    }
  | { readonly type: 'read'; readonly read: number; readonly mode: 'quorum' | 'lease' }
  | { readonly type: 'changeMembership'; readonly request: number; readonly change: MembershipChange }
  /** Hand leadership over; without `to`, to the most caught-up voter. */
  | { readonly type: 'transfer'; readonly request: number; readonly to: NodeId | undefined }
  /** Write number `number` and all before it are durable. */
  | { readonly type: 'persisted'; readonly number: number }
  /** The disk has failed: this node stops speaking, for good. */
  | { readonly type: 'storageFailed'; readonly reason: string }
  /** The state machine has applied everything up to here (or was restored from a snapshot at it). */
  | { readonly type: 'applied'; readonly index: LogIndex }
  /** A snapshot of our own state machine is a durable file. */
  | { readonly type: 'snapshotTaken'; readonly snapshot: SnapshotInfo }
  /** A snapshot fetched from the leader is a durable, verified file. */
  | { readonly type: 'snapshotFetched'; readonly snapshot: SnapshotInfo }
  | { readonly type: 'snapshotFetchFailed'; readonly snapshot: SnapshotInfo; readonly reason: string }
  /** First contact: the peer showed this directory id in its handshake. */
  | { readonly type: 'peerSeen'; readonly peer: NodeId; readonly directoryId: string }
  /** The transport lost the link to a peer: what was in flight may be gone. */
  | { readonly type: 'peerLost'; readonly peer: NodeId }
