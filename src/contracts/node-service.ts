/** The operations of a node that a network server offers to clients and operators. */
import type { MembershipChange } from '../core/inputs.ts'
import type { RaftStatus } from '../core/status.ts'
import type { LogIndex, NodeId, SnapshotInfo, Term } from '../core/types.ts'
import type { RegisteredSession, SessionCommand } from './session.ts'
import type { PortProtection } from './transport.ts'

/** How a read is confirmed: by a quorum, by the leader's lease (which depends on clocks), or not at all: local state may be stale. */
export type ReadMode = 'linearizable' | 'lease' | 'local'

/** Options of a call. */
export interface CallOptions {
  /** Stops the wait; it does not undo the operation. */
  readonly signal?: AbortSignal | undefined
  /** The longest wait in milliseconds. */
  readonly timeoutMs?: number | undefined
}

/** Options of a proposal. */
export interface ProposeOptions extends CallOptions {
  /** Makes the command one of this session, so that it is applied once even if it is proposed again. */
  readonly session?: SessionCommand | undefined
  /**
   * Whether a follower forwards the command to the leader. If not, it rejects it with ERR_RAFT_NOT_LEADER, which names the leader. Default: the
   * option `forward` of the node.
   */
  readonly forward?: boolean | undefined
  /**
   * The command is appended only by the leader of this term, such as that of `whileLeader`; otherwise it rejects with ERR_RAFT_OTHER_TERM, and this
   * attempt was certainly not applied. A follower does not forward it.
   */
  readonly expectTerm?: Term | undefined
  /**
   * Whether to wait while there is no leader, until the deadline; if not, it rejects at once with ERR_RAFT_NO_LEADER. Default: true for a typed call
   * of a node in this process; false for the calls with bytes, whose clients try another node.
   */
  readonly awaitLeader?: boolean | undefined
}

/** Options of a read. */
export interface ReadOptions extends CallOptions {
  /** How the read is confirmed. Default: 'linearizable'; 'local' if `atLeast` or `maxStalenessMs` is given. */
  readonly mode?: ReadMode | undefined
  /**
   * The answer contains every entry up to this index, such as that of an own write (`proposeWithIndex`), on any node: the read waits until the node
   * has applied it. Rejects with ERR_RAFT_LAGGING, which names the applied and the wanted index, at the deadline, and at once if
   * it is hopeless: more than `readLagEntriesMax` entries are missing, or the node leads and its log does not reach so far.
   */
  readonly atLeast?: LogIndex | undefined
  /**
   * A local read of a state that is at most so many milliseconds old: at the moment of the query it contains every write that was acknowledged, by any
   * node, this long before. So does what the caller receives, if it adds the duration of its call. The proof is a confirmation by a quorum that
   * this node asked for within that time; without a recent one it asks now, and waits for the answer. Rejects with ERR_RAFT_LAGGING, which
   * names the age that is proven, if none arrives in time. The age is measured on this node's own clock and allows for `clockDriftMax`;
   * it is not guaranteed on a clock that is slower than that. A suspension of the machine counts, up to a minute. A whole number from 1 on.
   */
  readonly maxStalenessMs?: number | undefined
  /**
   * Whether to wait while there is no leader, until the deadline; if not, it rejects at once with ERR_RAFT_NO_LEADER. Default: true for a typed call
   * of a node in this process; false for the calls with bytes, whose clients try another node.
   */
  readonly awaitLeader?: boolean | undefined
}

/** A condition that lasts and needs an operator, such as a full disk. It stays in the status until it ends. */
export interface Alarm {
  /** A code of the table "Alarms" in docs/reference/errors.md. */
  readonly code: string
  /** The peer it is about; undefined if it is about the node itself. */
  readonly peer: NodeId | undefined
  /** Milliseconds since it was raised. */
  readonly forMs: number
  /** What happened, and what to do. */
  readonly message: string
  readonly details: Readonly<Record<string, string>>
}

/** The status of a node: that of its core, and what the runtime adds. */
export interface NodeStatus extends RaftStatus {
  readonly clusterId: string
  readonly directoryId: string
  readonly address: string
  /** The address of the leader, if known. */
  readonly leaderAddress: string | undefined
  readonly version: string
  /** What keeps the log: 'rocksdb', 'segments', or the name of another storage. */
  readonly storage: string | undefined
  /** How the node connects to its peers: 'grpc', 'tcp', or the name of another transport. */
  readonly peerTransport: string | undefined
  /** What keeps strangers out of the port of the node. With 'none', every caller that reaches it is trusted. Undefined if its transport or its release does not tell. */
  readonly protection?: PortProtection | undefined
  /** When the certificate of the node expires, in milliseconds since 1970. Undefined if it has none, or its transport or its release does not tell. */
  readonly certificateExpiresAt?: number | undefined
  /** The longest recent delay of the event loop in milliseconds. */
  readonly loopDelayMs: number
  /** Undefined if a node of an earlier release answered. */
  readonly timing?: NodeTiming | undefined
  /** The versions of the protocol between nodes. Undefined if a node of an earlier release answered. */
  readonly protocol?: ProtocolVersions | undefined
  /** The versions of the state machine. Undefined if a node of an earlier release answered. */
  readonly machine?: MachineVersions | undefined
  /** Free disk space, if the storage reports it. */
  readonly freeBytes: number | undefined
  readonly pendingProposals: number
  /** The bounded queues and tables of the node; none if a node of an earlier release answered. */
  readonly queues?: readonly QueueStatus[] | undefined
  /** Entries that this node applied per second, over the last 5 to 10 s. Undefined if a node of an earlier release answered. */
  readonly appliedPerSecond?: number | undefined
  /** The client sessions. Undefined if a node of an earlier release answered. */
  readonly sessions?: SessionStatus | undefined
  /** The peers with an open connection. */
  readonly connected: readonly NodeId[]
  /** The snapshot that this node is fetching. */
  readonly fetching?: SnapshotFetch | undefined
  /** What needs an operator, the oldest first; at most 64. */
  readonly alarms: readonly Alarm[]
  /** The members that are not where the membership says, and the address at which this node finds each. */
  readonly moved: readonly { readonly id: NodeId; readonly address: string }[]
}

/** The table of client sessions of a node. The counts are those of this process; entries that it applies again at its start are included. */
export interface SessionStatus {
  /** The sessions in the table. */
  readonly count: number
  /** Commands that were answered from the table, because they had been applied already. */
  readonly repeated: number
  /** Sessions that were removed because they had been idle for `sessionTimeoutMs`. */
  readonly timedOut: number
  /** Sessions that were removed earlier, because the table was full. */
  readonly evicted: number
}

/** How full a queue or a table of a node is. */
export interface QueueStatus {
  /**
   * The option that limits it, such as 'pendingProposalsMax'; beyond it, calls are rejected or messages dropped. Beyond those of sessions, the session
   * that was idle longest is removed, or the oldest result.
   */
  readonly limit: string
  /** The peer that it is for; undefined if it is for all. */
  readonly peer?: NodeId | undefined
  readonly used: number
  readonly max: number
}

/** The versions of the state machine, see StateMachine.machineVersion. */
export interface MachineVersions {
  /** The one that is in force on this node: it has applied the entry that raised it. */
  readonly inForce: number
  /** The newest that the state machine of this node supports. */
  readonly supported: number
  /** The newest that each connected peer supports. */
  readonly peers: readonly { readonly id: NodeId; readonly supported: number }[]
}

/** The versions of the protocol between nodes that a node supports and uses. */
export interface ProtocolVersions {
  /** The oldest version that it supports. */
  readonly min: number
  /** The newest version that it supports. */
  readonly max: number
  /** The version in use with each connected peer whose transport reports its newest: the newest that both support. */
  readonly peers: readonly { readonly id: NodeId; readonly version: number }[]
}

/** A snapshot that is being fetched from another node. */
export interface SnapshotFetch {
  readonly from: NodeId
  readonly index: LogIndex
  /** The bytes that have arrived, of `size`. */
  readonly bytes: number
  readonly size: number
}

/** The timeouts of a node, and how long its disk takes: to be compared, together with the delay of its event loop and the responses of its peers. */
export interface NodeTiming {
  readonly heartbeatIntervalMs: number
  readonly electionTimeoutMinMs: number
  readonly electionTimeoutMaxMs: number
  /** How long the slowest recent durable write took, in milliseconds. */
  readonly writeMs: number
  /** How long the durable write in progress has taken, in milliseconds. Undefined without one, or if a node of an earlier release answered. */
  readonly pendingWriteMs?: number | undefined
}

/** The options of the registration of a session. */
export interface RegisterOptions extends CallOptions, Pick<ProposeOptions, 'awaitLeader'> {}

/** The result of a command, by default encoded, and the place of its entry in the log. */
export interface Applied<Result = Uint8Array> {
  readonly index: LogIndex
  readonly term: Term
  /** What the state machine returned. */
  readonly result: Result
}

/** A command that a node has applied: by default encoded, as its result is. */
export interface Change<Command = Uint8Array, Result = Uint8Array> {
  readonly index: LogIndex
  readonly term: Term
  readonly command: Command
  /** What the state machine returned; undefined if the node could not encode it. */
  readonly result: Result | undefined
}

/** From where, and how long, to follow the changes. */
export interface ChangesOptions {
  /**
   * The lowest index of the changes: one more than that of the last change that is known, or than the applied index of the state that was read.
   * Default: that of the next entry that the node applies.
   */
  readonly from?: LogIndex | undefined
  /**
   * The cluster to which `from` belongs; compared if it is given. A cluster that was restored from a backup has another id, and another history
   * behind the same indexes.
   */
  readonly clusterId?: string | undefined
  /** Ends the changes, without an error. */
  readonly signal?: AbortSignal | undefined
}

/** Changes in the order of their indexes; none if nothing was applied for a while. */
export interface ChangeBatch {
  readonly changes: readonly Change[]
  /** Every change below this index was handed out: where to continue. */
  readonly nextIndex: LogIndex
  readonly clusterId: string
}

/** A node hands out a batch at least this often, so that a reader notices that the node is gone. */
export const CHANGES_INTERVAL_MS = 1000

export interface SnapshotOptions extends CallOptions {
  /** The snapshot contains every command that was acknowledged before the call, by any node. Default: what this node has applied. */
  readonly linearizable?: boolean | undefined
}

/** Every method rejects with a RaftError. */
export interface NodeService {
  /** Resolves once the command is applied on this node. */
  proposeBytes(command: Uint8Array, options?: ProposeOptions): Promise<Applied>
  /**
   * The changes that this node applies. The first batch comes at once, and a further one at least every second (CHANGES_INTERVAL_MS). Ends without an error
   * when the signal is aborted. Rejects with ERR_RAFT_COMPACTED if the node no longer has the next change, and with ERR_RAFT_NO_LEADER while
   * it knows no leader, so that the caller goes to another node.
   */
  changesBytes(options?: ChangesOptions): AsyncIterable<ChangeBatch>
  /** Registers a client session, for the `session` of `proposeBytes`. */
  registerSession(options?: RegisterOptions): Promise<RegisteredSession>
  /** Answers an encoded query; also returns the applied index and the term of the answer. */
  queryBytes(
    query: Uint8Array,
    options?: ReadOptions,
  ): Promise<{ readonly answer: Uint8Array; readonly appliedIndex: LogIndex; readonly term: Term }>
  status(): Promise<NodeStatus>
  changeMembership(change: MembershipChange, options?: CallOptions): Promise<{ readonly index: LogIndex }>
  transferLeadership(
    options?: CallOptions & { readonly to?: NodeId | undefined; readonly force?: boolean | undefined },
  ): Promise<{ readonly leader: NodeId | undefined }>
  takeSnapshot(options?: SnapshotOptions): Promise<SnapshotInfo>
  /** Bytes of a snapshot of this node from `offset`: some, or none at its end. Rejects with ERR_RAFT_SNAPSHOT_GONE once newer ones replaced it. */
  readSnapshot(id: string, offset: number, options?: CallOptions): Promise<Uint8Array>
}
