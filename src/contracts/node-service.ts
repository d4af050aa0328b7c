/** What a node offers to those who are not its peers: the face that a network server (gRPC) shows to clients and operators. */
import type { MembershipChange } from '../core/inputs.ts'
import type { RaftStatus } from '../core/status.ts'
import type { LogIndex, NodeId, SnapshotInfo, Term } from '../core/types.ts'

/** How fresh a read must be: confirmed by a quorum, by the leader's lease, or whatever this node has. */
export type ReadMode = 'linearizable' | 'lease' | 'local'

/** On what waits: a signal to stop waiting (not to undo), and the longest wait in milliseconds. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number | undefined
}

/** The status of a node with what the runtime adds to the core's. */
export interface NodeStatus extends RaftStatus {
  readonly clusterId: string
  readonly directoryId: string
  readonly address: string
  /** Address of the leader, if known. */
  readonly leaderAddress: string | undefined
  readonly version: string
  /** Longest recent turn of the event loop, milliseconds. */
  readonly loopDelayMs: number
  readonly freeBytes: number | undefined
  readonly pendingProposals: number
  /** Links to peers as the transport sees them. */
  readonly connected: readonly NodeId[]
}

/** Where an applied command landed. */
export interface Applied {
  readonly index: LogIndex
  readonly term: Term
  /** The machine's result, encoded. */
  readonly result: Uint8Array
}

/** Every method rejects with a RaftError; bytes are validated before they get here. */
export interface NodeService {
  /** Resolves once the command is applied on this node. Commands of one turn share a block. */
  proposeBytes(command: Uint8Array, options?: CallOptions): Promise<Applied>
  /** The machine's answer to an encoded query, read as fresh as `mode` says; with the applied index it was read at. */
  queryBytes(
    query: Uint8Array,
    options?: CallOptions & { readonly mode?: ReadMode },
  ): Promise<{ readonly answer: Uint8Array; readonly appliedIndex: LogIndex; readonly term: Term }>
  status(): Promise<NodeStatus>
  changeMembership(change: MembershipChange, options?: CallOptions): Promise<{ readonly index: LogIndex }>
  transferLeadership(
    options?: CallOptions & { readonly to?: NodeId | undefined },
  ): Promise<{ readonly leader: NodeId | undefined }>
  takeSnapshot(options?: CallOptions): Promise<SnapshotInfo>
}
