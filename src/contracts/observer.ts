/** Events of a node, and the observers (loggers, metrics, tests) that receive them. */
import type { RaftEvent } from '../core/events.ts'
import type { NodeId, SnapshotInfo } from '../core/types.ts'
import type { Meter } from './meter.ts'
import type { NodeStatus } from './node-service.ts'
import type { PortProtection } from './transport.ts'

/** Events of the runtime, in addition to those of the core. */
export type RuntimeEvent =
  | {
      readonly type: 'started'
      readonly address: string
      readonly directoryId: string
      readonly isNew: boolean
      /** What keeps the log: 'rocksdb', 'segments', or the name of another storage. */
      readonly storage?: string | undefined
      /** Why a new directory got segments although RocksDB is installed, in at most 300 characters. */
      readonly storageReason?: string | undefined
      /** How the node connects to its peers: 'grpc', 'tcp', or the name of another transport. */
      readonly peerTransport?: string | undefined
      /** With 'none', every caller that reaches the port is trusted. */
      readonly protection?: PortProtection | undefined
    }
  | {
      readonly type: 'recovered'
      readonly lastIndex: number
      readonly commitIndex: number
      readonly snapshotIndex: number
    }
  | { readonly type: 'peerConnected'; readonly peer: NodeId }
  | { readonly type: 'peerLost'; readonly peer: NodeId; readonly reason: string }
  /** At start: an address in the options contradicts the membership on disk. `consequence` says which is used. */
  | {
      readonly type: 'addressDiffers'
      readonly peer: NodeId
      readonly recorded: string | undefined
      readonly given: string
      readonly consequence: string
    }
  | { readonly type: 'peerRefused'; readonly peer: NodeId; readonly code: string; readonly message: string }
  | {
      /** A node that is not a member is connected and waits to be added. Repeated while it is. */
      readonly type: 'unknownPeer'
      readonly peer: NodeId
      readonly code: string
      readonly address: string
      readonly message: string
    }
  | { readonly type: 'refusedBy'; readonly peer: NodeId; readonly code: string; readonly message: string }
  | { readonly type: 'snapshotStarted'; readonly index: number }
  | { readonly type: 'snapshotTaken'; readonly snapshot: SnapshotInfo; readonly tookMs: number }
  | { readonly type: 'snapshotFailed'; readonly message: string }
  | { readonly type: 'fetchStarted'; readonly from: NodeId; readonly snapshot: SnapshotInfo; readonly offset: number }
  | { readonly type: 'fetchProgress'; readonly from: NodeId; readonly bytes: number; readonly size: number }
  /** `code` is ERR_RAFT_CORRUPT if the bytes that arrived are not those of the snapshot. */
  | { readonly type: 'fetchFailed'; readonly from: NodeId; readonly code: string; readonly message: string }
  | { readonly type: 'restored'; readonly index: number; readonly tookMs: number }
  | { readonly type: 'spaceLow'; readonly freeBytes: number; readonly neededBytes: number }
  | { readonly type: 'spaceBack'; readonly freeBytes: number }
  /** The stored log and the newest snapshot were read again, and are what was written. */
  | { readonly type: 'scrubbed'; readonly blocks: number; readonly bytes: number; readonly tookMs: number }
  /** What is stored is damaged, and this node stops; or it could not be read, and the next scrub tries again. */
  | { readonly type: 'scrubFailed'; readonly code: string; readonly message: string }
  | {
      /** This leader is short of disk space or has a slow disk, and found no voter to lead. Short of space, it rejects proposals until space is back here or there. */
      readonly type: 'leadershipKept'
      readonly reason: string
    }
  /** This leader has removed a voter that was silent for `autopilotDeadMs`; a learner has taken its place, or enough voters are left. */
  | { readonly type: 'deadMemberRemoved'; readonly peer: NodeId; readonly replacedBy: NodeId | undefined }
  /** It could not, and tries again. */
  | { readonly type: 'deadMemberKept'; readonly peer: NodeId; readonly reason: string }
  /** A function of `whileLeader` threw or rejected, in the leadership of `term`. It runs again in the next one. */
  | { readonly type: 'leaderTaskFailed'; readonly term: number; readonly message: string }
  /** A condition that lasts began or ended; until then the status shows it. */
  | { readonly type: 'alarmRaised'; readonly code: string; readonly peer?: NodeId; readonly message: string }
  | { readonly type: 'alarmCleared'; readonly code: string; readonly peer?: NodeId; readonly forMs: number }
  | { readonly type: 'failed'; readonly code: string; readonly message: string }
  /** It takes no new calls; a leader transfers leadership first. */
  | { readonly type: 'closing' }
  | { readonly type: 'stopped' }

export type NodeEvent = RaftEvent | RuntimeEvent

/** What an observer may ask a node. */
export interface ObservedNode {
  readonly id: NodeId
  /** Also works after a failure, and once the node is closed. */
  status(): NodeStatus
}

export interface Observer {
  /** Called synchronously and in order. Must not throw or block. */
  event(node: NodeId, event: NodeEvent): void
  /**
   * Called once for each node, before its first event. If it returns a Meter, that receives what the node measures from then on; a node without
   * one measures none of it.
   */
  attach?(node: ObservedNode): Meter | undefined
}
