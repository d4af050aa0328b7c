/**
 * `quorate`: start a node, connect to a cluster. gRPC and RocksDB are loaded when they are first used.
 *
 * @module
 */

// Start a node: startNode with gRPC and RocksDB, or RaftNode.start with your own adapters.

export type { EventStream } from './runtime/event-hub.ts'
export type { LeaderTask, LeaderWork } from './runtime/leading/leader-tasks.ts'
export { type NodeOptions, RUNTIME_DEFAULTS, type RuntimeOptions } from './runtime/options.ts'
export { RaftNode, type RaftNodeOptions } from './runtime/raft-node.ts'
export { realClock } from './runtime/real-clock.ts'
export type { MakeCore } from './runtime/recovery.ts'
export { type StartOptions, startNode } from './start-node.ts'

// Back up and restore a cluster; look at, verify and change the data directory of a stopped node.

export type { Conversion } from './data-directory/convert.ts'
export type { DirectoryProblem, DirectoryReport, LogSummary, StoredEntry } from './data-directory/inspect.ts'
export { type BackUpOptions, type BackupSource, backUp } from './operations/back-up.ts'
export { type ConvertDirectoryOptions, convertDataDirectory } from './operations/convert-data-directory.ts'
export {
  type InspectDirectoryOptions,
  inspectDataDirectory,
  readDataDirectoryLog,
} from './operations/inspect-data-directory.ts'
export { type RecoverOptions, type Recovery, recoverCluster } from './operations/recover-cluster.ts'
export { type Restoration, type RestoreOptions, restoreBackup } from './operations/restore-backup.ts'

// The application's state machine, and how its commands become bytes.

export type { ApplyContext, Codec, StateMachine } from './contracts/state-machine.ts'
export { bytesCodec, jsonCodec } from './platform/json-codec.ts'

// Connect to a cluster as a client.

export type { RaftClient } from './client/raft-client.ts'
export { type ConnectOptions, connect } from './connect.ts'

// Calls on a node: their options, results and status.

export type {
  Alarm,
  Applied,
  CallOptions,
  Change,
  ChangeBatch,
  ChangesOptions,
  MachineVersions,
  NodeService,
  NodeStatus,
  NodeTiming,
  ProposeOptions,
  ProtocolVersions,
  QueueStatus,
  ReadMode,
  ReadOptions,
  RegisterOptions,
  SessionStatus,
  SnapshotFetch,
  SnapshotOptions,
} from './contracts/node-service.ts'
export type { RegisteredSession, SessionCommand, SessionId } from './contracts/session.ts'
export type { MembershipChange } from './core/inputs.ts'
export { RAFT_DEFAULTS, type RaftOptions } from './core/options.ts'
export type { PeerStatus, RaftStatus, Role } from './core/status.ts'
export type { LinkedBlock, LogIndex, Member, Membership, NodeId, SnapshotInfo, Term } from './core/types.ts'

// Errors.

export type { ErrorCode, LeaderHint, Outcome, RaftErrorOptions } from './errors.ts'
export { ERROR_CODES, isRaftError, RaftError } from './errors.ts'

// Events.

export type { Meter, ProposalStage } from './contracts/meter.ts'
export type { NodeEvent, ObservedNode, Observer, RuntimeEvent } from './contracts/observer.ts'
export type { RaftEvent } from './core/events.ts'
export { type LogOptions, logObserver } from './runtime/log-observer.ts'

// Write your own storage, transport or clock.

export type { Clock, Timer } from './contracts/clock.ts'
export type { BlockBody, EncodedBlock } from './contracts/encoded-block.ts'
export type {
  BootHistory,
  RecoveredState,
  SnapshotStore,
  SnapshotWriter,
  Storage,
  StorageIdentity,
  StorageWrite,
  Unusable,
} from './contracts/storage.ts'
export { nextBoot } from './contracts/storage.ts'
export type {
  PeerIdentity,
  PeerMessage,
  PortProtection,
  Refusal,
  Transport,
  TransportHost,
} from './contracts/transport.ts'
export { messageBytes } from './contracts/transport.ts'
export type { Block, BlockKind, Boot, HardState } from './core/types.ts'
export type { EngineName } from './data-directory/data-directory.ts'
export { decodeBlock } from './log-format/block.ts'
export type { TlsFiles } from './peer-link/certificate-files.ts'
export type { ClientTlsFiles } from './peer-link/client-certificate-files.ts'
export type { ClientTlsOptions, TlsOptions } from './peer-link/tls-options.ts'
export type { RaftCore } from './runtime/pipeline/driver.ts'
