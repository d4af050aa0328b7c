/** The face of `quorate`: start a node, talk to it, and the words both use. Loads neither gRPC nor RocksDB until a node is started. */

export { type ConnectOptions, connect } from './connect.ts'
export type { EncodedBlock } from './contracts/encoded-block.ts'
export type { Applied, CallOptions, NodeService, NodeStatus, ReadMode } from './contracts/node-service.ts'
export type { NodeEvent, Observer, RuntimeEvent } from './contracts/observer.ts'
export type { ApplyContext, Codec, StateMachine } from './contracts/state-machine.ts'
export type {
  RecoveredState,
  SnapshotStore,
  SnapshotWriter,
  Storage,
  StorageIdentity,
  StorageWrite,
} from './contracts/storage.ts'
export {
  messageBytes,
  type PeerIdentity,
  type PeerMessage,
  type Refusal,
  type Transport,
  type TransportHost,
} from './contracts/transport.ts'
export type { MembershipChange } from './core/inputs.ts'
export { RAFT_DEFAULTS, type RaftOptions } from './core/options.ts'
export type { PeerStatus, RaftStatus, Role } from './core/status.ts'
export type { LogIndex, Member, Membership, NodeId, SnapshotInfo, Term } from './core/types.ts'
export type { ErrorCode, LeaderHint, Outcome } from './errors.ts'
export { ERROR_CODES, isRaftError, RaftError } from './errors.ts'
export { decodeBlock } from './log-format/block.ts'
export { bytesCodec, jsonCodec } from './platform/json-codec.ts'
export type { EventStream } from './runtime/event-hub.ts'
export { type LogOptions, logObserver } from './runtime/log-observer.ts'
export { type NodeOptions, RUNTIME_DEFAULTS, type RuntimeOptions } from './runtime/options.ts'
export { RaftNode, type RaftNodeOptions, type ReadOptions } from './runtime/raft-node.ts'
export { realClock } from './runtime/real-clock.ts'
export { type StartOptions, startNode } from './start-node.ts'
