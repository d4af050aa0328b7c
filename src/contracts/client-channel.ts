/** What the client needs of a network: calls to one node at an address. The client on top finds the leader and retries. */
import type { MembershipChange } from '../core/inputs.ts'
import type { LogIndex, NodeId, SnapshotInfo } from '../core/types.ts'
import type { Applied, CallOptions, NodeStatus, ReadMode } from './node-service.ts'

/**
 * One node, seen from a client. Every rejection is a RaftError whose `outcome` is honest: a call whose bytes may have reached the
 * node, and that got no answer, is 'unknown'. Every call needs a deadline (`timeoutMs`).
 */
export interface ClientChannel {
  readonly address: string
  propose(command: Uint8Array, options: CallOptions): Promise<Applied>
  query(
    query: Uint8Array,
    options: CallOptions & { readonly mode: ReadMode },
  ): Promise<{ readonly answer: Uint8Array; readonly appliedIndex: LogIndex }>
  status(options: CallOptions): Promise<NodeStatus>
  changeMembership(change: MembershipChange, options: CallOptions): Promise<{ readonly index: LogIndex }>
  transferLeadership(to: NodeId | undefined, options: CallOptions): Promise<{ readonly leader: NodeId | undefined }>
  takeSnapshot(options: CallOptions): Promise<SnapshotInfo>
  close(): Promise<void>
}

/** Makes a channel to an address; connecting happens lazily. */
export type ClientChannelFactory = (address: string) => ClientChannel
