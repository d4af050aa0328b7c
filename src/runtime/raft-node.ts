/** The public API of a node of a Raft cluster. */
import type { Clock } from '../contracts/clock.ts'
import type {
  Applied,
  CallOptions,
  Change,
  ChangeBatch,
  ChangesOptions,
  NodeService,
  NodeStatus,
  ProposeOptions,
  ReadOptions,
  RegisterOptions,
  SnapshotOptions,
} from '../contracts/node-service.ts'
import type { RegisteredSession } from '../contracts/session.ts'
import type { Storage } from '../contracts/storage.ts'
import type { Transport } from '../contracts/transport.ts'
import type { MembershipChange } from '../core/inputs.ts'
import type { LogIndex, NodeId, SnapshotInfo, Term } from '../core/types.ts'
import { isRaftError, RaftError } from '../errors.ts'
import { checkFunction, checkMethods, checkString, throwOnProblems } from '../platform/options.ts'
import type { OnApplied } from './calls/proposal-batch.ts'
import { internalError } from './calls/rejections.ts'
import type { Codecs } from './codecs.ts'
import { codecsOf, decodeCommand, decodeQuery, encodeCommand } from './codecs.ts'
import type { EventStream } from './event-hub.ts'
import { EventHub } from './event-hub.ts'
import type { LeaderTask, LeaderWork } from './leading/leader-tasks.ts'
import { NodeRuntime } from './node-runtime.ts'
import type { NodeOptions } from './options.ts'
import { OPTION_CHECKS, resolveOptions, validateOptions } from './options.ts'
import type { MakeCore } from './recovery.ts'
import { recover } from './recovery.ts'

/** The options of RaftNode.start: those of every node, and its adapters. `startNode` supplies RocksDB, gRPC and the real clock. */
export interface RaftNodeOptions<Command, Result, Query = never, Answer = unknown>
  extends NodeOptions<Command, Result, Query, Answer> {
  /** Seeds the random election timeouts. Every node needs a different one: nodes with equal seeds start elections together. */
  readonly seed: number
  readonly storage: Storage
  /** Why this storage was chosen, if that needs an explanation: for the event `started`. */
  readonly storageReason?: string | undefined
  readonly transport: Transport
  readonly clock: Clock
  /** Called before the node listens, to add services to its server. */
  readonly beforeListen?: ((node: NodeService) => void) | undefined
  /** Makes the core, by default `new Raft`. A simulator wraps it, to observe or change its steps. */
  readonly makeCore?: MakeCore | undefined
}

const START_CHECKS = {
  ...OPTION_CHECKS,
  storage: checkMethods('open', 'write', 'read', 'markUnusable', 'close'),
  storageReason: checkString,
  transport: checkMethods('start', 'send', 'setPeers', 'close'),
  clock: checkMethods('now', 'wakeAt', 'defer'),
  beforeListen: checkFunction,
  makeCore: checkFunction,
}

/**
 * Proposes commands, reads the state, changes the membership and reports events. Every method rejects with a RaftError, whose
 * `outcome` is whether the operation took effect; all of them with ERR_RAFT_CLOSED once the node is closed or has failed, with
 * ERR_RAFT_ABORTED if the signal is aborted, and at the latest at their timeout (`timeoutMs`, or the option `callTimeoutMs`).
 */
export class RaftNode<Command = unknown, Result = unknown, Query = never, Answer = unknown> implements NodeService {
  readonly #runtime: NodeRuntime<Command, Result>
  readonly #codecs: Codecs<Command, Result, Query, Answer>
  readonly #query: ((query: Query) => Answer) | undefined
  #closed: Promise<void> | undefined

  private constructor(
    runtime: NodeRuntime<Command, Result>,
    codecs: Codecs<Command, Result, Query, Answer>,
    query: ((query: Query) => Answer) | undefined,
  ) {
    this.#runtime = runtime
    this.#codecs = codecs
    this.#query = query
  }

  /**
   * Recovers the state from the storage, listens, and connects to its peers. Resolves once it is running, not once there is a leader.
   * Rejects with ERR_RAFT_OPTIONS (every invalid option is listed), ERR_RAFT_REMOVED, and the errors of the storage and the transport.
   */
  static async start<Command, Result, Query = never, Answer = unknown>(
    options: RaftNodeOptions<Command, Result, Query, Answer>,
  ): Promise<RaftNode<Command, Result, Query, Answer>> {
    throwOnProblems(validateOptions(options, START_CHECKS))
    const {
      storage,
      storageReason,
      transport,
      clock,
      stateMachine,
      id,
      cluster,
      peers,
      join,
      makeCore,
      observers = [],
      metadata = {},
    } = options
    const resolved = resolveOptions(options)
    try {
      const { core, recovered } = await recover(storage, { id, cluster, peers, join, makeCore }, resolved, clock.now())
      const codecs = codecsOf(options)
      const runtime = new NodeRuntime<Command, Result>({
        ...{ core, recovered, storage, storageReason, transport, clock },
        options: resolved,
        addresses: peers ?? {},
        machine: stateMachine,
        metadata,
        ...{ codec: codecs.command, resultCodec: codecs.result },
        hub: new EventHub(id, observers, resolved.eventBufferMax),
      })
      const query =
        stateMachine.query === undefined ? undefined : (value: Query) => stateMachine.query?.(value) as Answer
      const node = new RaftNode<Command, Result, Query, Answer>(runtime, codecs, query)
      runtime.hub.attach({ id, status: () => runtime.status() })
      options.beforeListen?.(node)
      await runtime.start()
      return node
    } catch (error) {
      await transport.close().catch(() => undefined)
      await storage.close().catch(() => undefined)
      throw isRaftError(error) ? error : internalError(error)
    }
  }

  get id(): NodeId {
    return this.#runtime.options.id
  }

  /** Resolves with the reason if the node stops because of a failure: of its disk, or thrown by the state machine. Never rejects. */
  get failed(): Promise<RaftError> {
    return this.#runtime.failed
  }

  /**
   * Replicates a command. Resolves with the state machine's result once the command is applied on this node. A follower forwards it to
   * the leader, or with `forward: false` rejects with ERR_RAFT_NOT_LEADER, which names the leader. If it rejects, either the command
   * certainly has no effect (`outcome` is 'not-applied') or it may take effect ('unknown', ERR_RAFT_OUTCOME_UNKNOWN). Waits while there is
   * no leader, up to `timeoutMs`, and then rejects with ERR_RAFT_NO_LEADER. With a `session` the command may be repeated, also on another
   * node, until its outcome is known: it is applied once. A follower does so itself, until the timeout.
   */
  propose(command: Command, options?: ProposeOptions): Promise<Result> {
    return new Promise((resolve, reject) => this.#propose(command, options, resolve, reject))
  }

  /** Like `propose`; also returns the index and term of the command's entry, for `atLeast` of a read on another node. */
  proposeWithIndex(command: Command, options?: ProposeOptions): Promise<Applied<Result>> {
    return new Promise((resolve, reject) =>
      this.#propose(command, options, (result, index, term) => resolve({ index, term, result }), reject),
    )
  }

  /** Like `propose`, with the encoded command and result, and the index and term of its entry; for network servers. */
  proposeBytes(command: Uint8Array, options: ProposeOptions = {}): Promise<Applied> {
    return new Promise((resolve, reject) => {
      const decoded = decodeCommand(this.#codecs.command, command)
      const { proposalCalls, leading } = this.#startCall('proposal', options.signal)
      leading.machineVersions.assertInForce(decoded)
      const onApplied: OnApplied<Result> = (result, index, term) => {
        try {
          resolve({ index, term, result: this.#codecs.result.encode(result) })
        } catch (cause) {
          const message = `the command was applied at index ${index}, but its result cannot be encoded: ${String(cause)}`
          reject(new RaftError('ERR_RAFT_BAD_MESSAGE', message, { outcome: 'applied', cause }))
        }
      }
      proposalCalls.propose(command, options, options.awaitLeader ?? false, onApplied, reject)
    })
  }

  /**
   * Registers a session for `propose`, through the log, and resolves with its id and that of the cluster. A follower forwards it to the
   * leader, unless its option `forward` is false. Waits while there is no leader. A session expires after `sessionTimeoutMs` without a
   * command; if the outcome is unknown, register another one.
   */
  async registerSession(options?: RegisterOptions): Promise<RegisteredSession> {
    const { proposalCalls } = this.#startCall('registration', options?.signal)
    return proposalCalls.register({ ...options, awaitLeader: options?.awaitLeader ?? true })
  }

  /**
   * Calls `query` once this node's state is as fresh as `mode` requires, and resolves with its result. Linearizable by default: it sees
   * every write that was acknowledged, by any node, before this call (thesis §6.4). Works on every node. Waits while there is no leader.
   * `query` gets the applied index of the state: the changes after it are those from the next index on.
   */
  async read<Value>(query: (appliedIndex: LogIndex) => Value, options?: ReadOptions): Promise<Value> {
    const { readCalls } = this.#startCall('read', options?.signal)
    return readCalls.read(query, { ...options, awaitLeader: options?.awaitLeader ?? true })
  }

  /**
   * Answers a query with the state machine's `query`, once this node's state is as fresh as for `read`. The answer may refer to the state, which the next
   * command changes: do not keep it, or return a copy from `query`. Rejects with ERR_RAFT_BAD_MESSAGE if the state machine has no `query`.
   */
  async query(query: Query, options?: ReadOptions): Promise<Answer> {
    const queryMachine = this.#queryOfMachine()
    return this.read(() => queryMachine(query), options)
  }

  /**
   * Like `query`, with the encoded query and answer; for network servers. Rejects at once if there is no leader, so that
   * the client can try another node.
   */
  async queryBytes(
    query: Uint8Array,
    options?: ReadOptions,
  ): Promise<{ readonly answer: Uint8Array; readonly appliedIndex: LogIndex; readonly term: Term }> {
    const queryMachine = this.#queryOfMachine()
    const decoded = decodeQuery(this.#codecs.query, query)
    return this.#startCall('read', options?.signal).readCalls.read((appliedIndex) => {
      const answer = this.#codecs.answer.encode(queryMachine(decoded))
      return { answer, appliedIndex, term: this.#runtime.term }
    }, options)
  }

  /**
   * Adds, removes, promotes and demotes members (thesis §4). Resolves once the new membership is committed and no longer joint.
   * Rejects with ERR_RAFT_BAD_CHANGE, ERR_RAFT_CHANGE_IN_PROGRESS, ERR_RAFT_MEMBERSHIP_CHANGED (see `ifIndex`), ERR_RAFT_LEARNER_NOT_READY or
   * ERR_RAFT_UNSAFE_MEMBERSHIP.
   */
  async changeMembership(change: MembershipChange, options?: CallOptions): Promise<{ readonly index: LogIndex }> {
    return this.#startCall('membership change', options?.signal).membershipCalls.change(change, options)
  }

  /**
   * Transfers leadership to the voter `to`, or to the most up-to-date one (thesis §3.10). Resolves with the new leader, or with
   * undefined if this node does not learn it in time. Rejects with ERR_RAFT_BAD_TARGET if `to` is not another voter, or should not lead
   * at present and `force` is not set.
   */
  async transferLeadership(
    options: CallOptions & { readonly to?: NodeId | undefined; readonly force?: boolean | undefined } = {},
  ): Promise<{ readonly leader: NodeId | undefined }> {
    return this.#startCall('leadership transfer', options.signal).leadershipTransfer.transfer(options.to, options)
  }

  /**
   * Runs `work` while this node leads: once in each leadership, after a quorum has confirmed it and everything committed before is
   * applied here. `signal` is aborted when this node learns that the leadership ended, when it was paused (`work` runs again if a quorum
   * confirms that it still leads), and when it closes. `work` never runs twice at the same time on this node. An old leader may not know
   * yet that there is a new one: pass `term` to whatever the work changes, and reject a lower term than the highest seen there;
   * propose with `expectTerm: term`, so that this cluster does so.
   * What `work` throws is reported as the event `leaderTaskFailed`, and it does not run again in that leadership.
   */
  whileLeader(work: LeaderWork): LeaderTask {
    return this.#startCall('leader task', undefined).leading.tasks.add(work)
  }

  /**
   * Every command that this node applies from an index on, in order and once, with its result: not repetitions in a session, registrations,
   * memberships and no-ops. To continue, pass the index after the last change. Rejects with ERR_RAFT_COMPACTED, which names the first index that is
   * left, if the node no longer has the next change: it keeps the newest that it has applied since its start (`changesMax`,
   * `changeBytesMax`), and none from before a snapshot that it restored. Start from the state then: `read` tells its index. Rejects
   * with ERR_RAFT_OVERLOADED beyond `changeReadersMax` readers. Ends without an error when the signal is aborted.
   */
  changes(options?: ChangesOptions): AsyncIterableIterator<Change<Command, Result>> {
    return this.#runtime.changes.read(options)
  }

  /** Like `changes`, encoded and in batches; for network servers. */
  changesBytes(options?: ChangesOptions): AsyncIterableIterator<ChangeBatch> {
    return this.#runtime.changes.readBatches(options)
  }

  /** Takes a snapshot now. If nothing was applied since the newest one, resolves with that. Default timeout: 60 s. */
  async takeSnapshot(options?: SnapshotOptions): Promise<SnapshotInfo> {
    return this.#startCall('snapshot', options?.signal).snapshotCalls.take(options)
  }

  /** Bytes of a snapshot of this node from `offset`: some, or none at its end. Rejects with ERR_RAFT_SNAPSHOT_GONE once newer ones replaced it. */
  async readSnapshot(id: string, offset: number, options?: CallOptions): Promise<Uint8Array> {
    return this.#startCall('snapshot read', options?.signal).snapshotCalls.read(id, offset, options)
  }

  /** Like `statusNow`; for network servers. */
  async status(): Promise<NodeStatus> {
    return this.statusNow()
  }

  /** The status of this node: its role, term, indexes and membership. Also works after a failure. */
  statusNow(): NodeStatus {
    return this.#runtime.status()
  }

  /**
   * Every event from now on, until the node closes or the signal is aborted. Buffers up to `eventBufferMax` events for a slow
   * reader; then the oldest are dropped, and `dropped` counts them.
   */
  events(options?: { readonly signal?: AbortSignal | undefined }): EventStream {
    return this.#runtime.hub.stream(options?.signal)
  }

  /** Resolves with the first status for which the predicate holds: `node.until((status) => status.role === 'leader')`. */
  until(predicate: (status: NodeStatus) => boolean, options?: CallOptions): Promise<NodeStatus> {
    return new Promise((resolve, reject) => {
      const { statusWaiters, deadlines } = this.#startCall('wait', options?.signal).calls
      const deadline = deadlines.deadlineFor(options)
      statusWaiters.add({ predicate, deadline, signal: options?.signal, resolve, reject })
    })
  }

  /** Transfers leadership if this node leads, settles every call, and closes network and storage. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#runtime.close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #queryOfMachine(): (query: Query) => Answer {
    if (this.#query !== undefined) return this.#query
    throw new RaftError('ERR_RAFT_BAD_MESSAGE', 'the state machine has no query() and cannot answer queries', {
      hint: 'add query() to the state machine; in the process of the node, read() takes any function',
    })
  }

  #propose(
    command: Command,
    options: ProposeOptions = {},
    resolve: OnApplied<Result>,
    reject: (error: unknown) => void,
  ): void {
    const bytes = encodeCommand(this.#codecs.command, command)
    const { proposalCalls, leading } = this.#startCall('proposal', options.signal)
    leading.machineVersions.assertInForce(command)
    proposalCalls.propose(bytes, options, options.awaitLeader ?? true, resolve, reject)
  }

  /** Throws if the node does not run, or the signal is already aborted. */
  #startCall(operation: string, signal: AbortSignal | undefined): NodeRuntime<Command, Result> {
    this.#runtime.assertRunning(operation)
    if (signal?.aborted === true)
      throw new RaftError('ERR_RAFT_ABORTED', `the ${operation} was not started: its signal is already aborted`, {
        cause: signal.reason,
      })
    return this.#runtime
  }
}
