/** What a run lets its judges see: everything that happened, in the order it happened, as data. */
import type { PeerMessage } from '../../contracts/transport.ts'
import type { Effects } from '../../core/effects.ts'
import type { Input } from '../../core/inputs.ts'
import type { Message } from '../../core/messages.ts'
import type { RaftOptions } from '../../core/options.ts'
import type { RaftStatus } from '../../core/status.ts'
import type { Block, HardState, Instant, LogIndex, Membership, NodeId, SnapshotInfo, Term } from '../../core/types.ts'

/** A write as it became durable; blocks carry their bytes where there are any. */
export interface DurableWrite {
  readonly snapshot?: { readonly info: SnapshotInfo; readonly resetLog: boolean } | undefined
  readonly truncateAfter?: LogIndex | undefined
  readonly blocks: readonly (Omit<Block, 'payload'> & { readonly bytes?: Uint8Array | undefined })[]
  readonly hardState?: HardState | undefined
}

export type Observation =
  /** A node begins a life with what its disk holds. */
  | {
      readonly type: 'started'
      readonly node: NodeId
      readonly hardState: HardState
      readonly snapshot: SnapshotInfo | undefined
      readonly blocks: readonly Block[]
      /** Of a bootstrap; counts only where the log holds none. */
      readonly initialMembership: Membership
      /** What it runs by, where that is known. */
      readonly settings?: RaftOptions | undefined
    }
  /** One step of its core; `status` is as of afterwards. */
  | {
      readonly type: 'stepped'
      readonly node: NodeId
      readonly inputs: readonly Input[]
      readonly effects: Effects
      readonly status: RaftStatus
      /** By its own clock, where that is known. */
      readonly now?: Instant | undefined
    }
  /** From now on a crash of the node leaves this write. */
  | { readonly type: 'durable'; readonly node: NodeId; readonly write: DurableWrite }
  /** The process is gone, and what was not durable with it. */
  | { readonly type: 'crashed'; readonly node: NodeId }
  /** Its data directory is gone, and there is an empty one under the same name. */
  | { readonly type: 'wiped'; readonly node: NodeId }
  /** A message left the node. */
  | { readonly type: 'sent'; readonly from: NodeId; readonly to: NodeId; readonly message: Message | PeerMessage }
  /** The state machine of a node was given a command. */
  | {
      readonly type: 'applied'
      readonly node: NodeId
      readonly index: LogIndex
      readonly term: Term
      readonly command: string
      /** What the machine answered, as text. */
      readonly result?: string | undefined
    }
  /** The state machine of a node was replaced by a snapshot; the index is that of the last command in it. */
  | { readonly type: 'restored'; readonly node: NodeId; readonly index: LogIndex }
  /** A client asks. `call` numbers its calls. */
  | {
      readonly type: 'invoked'
      readonly call: number
      readonly node: NodeId
      readonly what: 'write' | 'read'
      readonly command: string
    }
  /** A client is told. Of an applied write: where; of a read: how far the machine that answered had applied. */
  | {
      readonly type: 'returned'
      readonly call: number
      readonly outcome: 'applied' | 'not-applied' | 'unknown'
      readonly index: LogIndex
      /** What the machine answered, as the client got it. */
      readonly result?: string | undefined
    }
  /** The end of a run: the commands that a node's machine holds, by index, and its state, as text. */
  | {
      readonly type: 'ended'
      readonly node: NodeId
      readonly commands: ReadonlyMap<LogIndex, string>
      readonly state?: string | undefined
    }
