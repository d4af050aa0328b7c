/** Everything that property checks see of a run: one observation per event, in order, as plain data. */
import type { PeerMessage } from '../../contracts/transport.ts'
import type { Effects } from '../../core/effects.ts'
import type { Input } from '../../core/inputs.ts'
import type { Message } from '../../core/messages.ts'
import type { RaftOptions } from '../../core/options.ts'
import type { RaftStatus } from '../../core/status.ts'
import type { Block, HardState, Instant, LogIndex, Membership, NodeId, SnapshotInfo, Term } from '../../core/types.ts'

/** A write to a node's disk, when it became durable. Blocks include their bytes if known. */
export interface DurableWrite {
  readonly snapshot?: { readonly info: SnapshotInfo; readonly resetLog: boolean } | undefined
  readonly truncateAfter?: LogIndex | undefined
  readonly blocks: readonly (Omit<Block, 'payload'> & { readonly bytes?: Uint8Array | undefined })[]
  readonly hardState?: HardState | undefined
}

/** One event of a run. Recordings store observations as JSON, one per line. */
export type Observation =
  /** A node started with this state on its disk. */
  | {
      readonly type: 'started'
      readonly node: NodeId
      readonly hardState: HardState
      readonly snapshot: SnapshotInfo | undefined
      readonly blocks: readonly Block[]
      /** The membership of a bootstrap. Ignored if the log or a snapshot has a membership. */
      readonly initialMembership: Membership
      /** The options of its core, if known. */
      readonly settings?: RaftOptions | undefined
      /** When its autopilot removes voters, if it has one. */
      readonly autopilot?: { readonly deadMs: number; readonly votersMin: number } | undefined
    }
  /** The core of a node executed one step; `status` is its status after the step. */
  | {
      readonly type: 'stepped'
      readonly node: NodeId
      readonly inputs: readonly Input[]
      readonly effects: Effects
      readonly status: RaftStatus
      /** The time on the node's own clock, if known. */
      readonly now?: Instant | undefined
    }
  /** A write became durable: it survives a crash from now on. */
  | { readonly type: 'durable'; readonly node: NodeId; readonly write: DurableWrite }
  /** The process ended, and everything that was not durable is lost. */
  | { readonly type: 'crashed'; readonly node: NodeId }
  /** The data directory of a node was replaced by an empty one. */
  | { readonly type: 'wiped'; readonly node: NodeId }
  /** The data directory of a node was replaced by an older copy, which contains this. */
  | {
      readonly type: 'rolledBack'
      readonly node: NodeId
      readonly hardState: HardState
      readonly snapshot: SnapshotInfo | undefined
      readonly blocks: DurableWrite['blocks']
    }
  /** A node sent a message. */
  | { readonly type: 'sent'; readonly from: NodeId; readonly to: NodeId; readonly message: Message | PeerMessage }
  /** The state machine of a node applied a command. */
  | {
      readonly type: 'applied'
      readonly node: NodeId
      readonly index: LogIndex
      readonly term: Term
      readonly command: string
      /** The result of the command, as text. */
      readonly result?: string | undefined
    }
  /** The state machine of a node was restored from a snapshot at this index. */
  | { readonly type: 'restored'; readonly node: NodeId; readonly index: LogIndex }
  /** A client called a node. `call` identifies the call. */
  | {
      readonly type: 'invoked'
      readonly call: number
      readonly node: NodeId
      readonly what: 'write' | 'read' | 'fresh read'
      readonly command: string
      /** The lowest index that a fresh read asks for. */
      readonly atLeast?: LogIndex | undefined
      /** The term in which the write must enter the log. */
      readonly expectTerm?: Term | undefined
    }
  /** A reader of the changes of a node received this one. */
  | {
      readonly type: 'changed'
      readonly reader: number
      readonly node: NodeId
      readonly index: LogIndex
      readonly command: string
    }
  /** A reader that wanted the changes from an index on learned that the node has them only from a later one on. */
  | {
      readonly type: 'compacted'
      readonly reader: number
      readonly node: NodeId
      readonly wantedIndex: LogIndex
      readonly firstIndex: LogIndex
    }
  /** A call ended. `index` is the index of an applied write, or the applied index at which a read was answered. */
  | {
      readonly type: 'returned'
      readonly call: number
      readonly outcome: 'applied' | 'not-applied' | 'unknown'
      readonly index: LogIndex
      /** The result that the client received, as text. */
      readonly result?: string | undefined
      /** For a fresh read: the highest index of a write that was acknowledged longer ago than the read allows. */
      readonly acknowledged?: LogIndex | undefined
    }
  /** The final state of a node's state machine: the applied commands by index, and its snapshot as text. */
  | {
      readonly type: 'ended'
      readonly node: NodeId
      readonly commands: ReadonlyMap<LogIndex, string>
      readonly state?: string | undefined
    }
