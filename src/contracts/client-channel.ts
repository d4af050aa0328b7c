/** The connection of a client to one node. The client itself finds the leader and retries. */
import type { MembershipChange } from '../core/inputs.ts'
import type { LogIndex, NodeId, SnapshotInfo } from '../core/types.ts'
import type { RaftError } from '../errors.ts'
import type {
  Applied,
  CallOptions,
  ChangeBatch,
  ChangesOptions,
  NodeStatus,
  ProposeOptions,
  ReadOptions,
  SnapshotOptions,
} from './node-service.ts'
import type { RegisteredSession } from './session.ts'

/**
 * Calls on one node. Every rejection is a RaftError; its `outcome` must be 'unknown' if the request may have reached the node and no
 * response came back. Every call but `changes` has a `timeoutMs`.
 */
export interface ClientChannel {
  readonly address: string
  propose(command: Uint8Array, options: ProposeOptions): Promise<Applied>
  registerSession(options: CallOptions): Promise<RegisteredSession>
  query(
    query: Uint8Array,
    options: ReadOptions,
  ): Promise<{ readonly answer: Uint8Array; readonly appliedIndex: LogIndex }>
  /**
   * The changes of this node, see NodeService.changesBytes. It has no timeout: the client leaves a node that hands out nothing, by `return`, which must
   * also end an iterator that waits.
   */
  changes(options: ChangesOptions): AsyncIterableIterator<ChangeBatch>
  status(options: CallOptions): Promise<NodeStatus>
  changeMembership(change: MembershipChange, options: CallOptions): Promise<{ readonly index: LogIndex }>
  transferLeadership(
    to: NodeId | undefined,
    options: CallOptions & { readonly force?: boolean | undefined },
  ): Promise<{ readonly leader: NodeId | undefined }>
  takeSnapshot(options: SnapshotOptions): Promise<SnapshotInfo>
  readSnapshot(id: string, offset: number, options: CallOptions): Promise<Uint8Array>
  /**
   * Called if the node stays silent: rejects, as not applied, the proposals that were certainly not sent, and all queries. Optional; without it
   * they wait for their own timeout.
   */
  releaseUnsent?(reason: RaftError): void
  close(): Promise<void>
}

/** Makes a channel to an address. The channel connects at the first call. */
export type ClientChannelFactory = (address: string) => ClientChannel
