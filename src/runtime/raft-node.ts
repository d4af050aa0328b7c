/** A node of a cluster, as its user sees it: propose commands, read the state, change who is in, watch what happens. */
import type { Clock } from '../contracts/clock.ts'
import type { Applied, CallOptions, NodeService, NodeStatus, ReadMode } from '../contracts/node-service.ts'
import type { Codec } from '../contracts/state-machine.ts'
import type { Storage } from '../contracts/storage.ts'
import type { Transport } from '../contracts/transport.ts'
import type { MembershipChange } from '../core/inputs.ts'
import type { LogIndex, NodeId, SnapshotInfo, Term } from '../core/types.ts'
import { isRaftError, RaftError } from '../errors.ts'
import { jsonCodec } from '../platform/json-codec.ts'
import { checkFunction, checkMethods, throwOnProblems } from '../platform/options.ts'
import type { Landing } from './calls/proposals.ts'
import type { Confirmation } from './calls/reads.ts'
import { internalError, notStartedError } from './calls/rejections.ts'
import type { EventStream } from './event-hub.ts'
import { EventHub } from './event-hub.ts'
import { NodeRuntime } from './node-runtime.ts'
import type { NodeOptions } from './options.ts'
import { checkNodeId, OPTION_CHECKS, resolveOptions, validateOptions } from './options.ts'
import type { MakeCore } from './recovery.ts'
import { recover } from './recovery.ts'

/** What a node stands on, for those who choose it themselves; `startNode` chooses RocksDB, gRPC and the real clock. */
export interface RaftNodeOptions<Command, Result, Query = never, Answer = unknown>
  extends NodeOptions<Command, Result, Query, Answer> {
  /** Chooses election timeouts; nodes that share one campaign at the same time. */
  readonly seed: number
  readonly storage: Storage
  readonly transport: Transport
  readonly clock: Clock
  /** Called once the node is there and before it listens: the moment to add services to its server. */
  readonly beforeListen?: ((node: NodeService) => void) | undefined
  /** For a simulator, that watches every step or plays tricks: makes the core instead of `new Raft`. */
  readonly makeCore?: MakeCore | undefined
}

/** Reads are linearizable unless said otherwise. */
export interface ReadOptions extends CallOptions {
  readonly mode?: ReadMode | undefined
}

const CONFIRMATIONS: Record<ReadMode, Confirmation> = { linearizable: 'quorum', lease: 'lease', local: 'local' }

/** A snapshot takes as long as it takes; a caller who names no other limit waits this long. */
const SNAPSHOT_TIMEOUT_MS = 60_000

const START_CHECKS = {
  ...OPTION_CHECKS,
  storage: checkMethods('open', 'write', 'read', 'close'),
  transport: checkMethods('start', 'send', 'setPeers', 'close'),
  clock: checkMethods('now', 'wakeAt', 'defer'),
  beforeListen: checkFunction,
  makeCore: checkFunction,
}

interface Codecs<Command, Result, Query, Answer> {
  readonly command: Codec<Command>
  readonly result: Codec<Result>
  readonly query: Codec<Query>
  readonly answer: Codec<Answer>
}

export class RaftNode<Command = unknown, Result = unknown, Query = never, Answer = unknown> implements NodeService {
  readonly #runtime: NodeRuntime<Command, Result>
  readonly #codecs: Codecs<Command, Result, Query, Answer>
  readonly #query: ((query: Query) => Answer) | undefined
  #closed: Promise<void> | undefined

  private constructor(
    engine: NodeRuntime<Command, Result>,
    codecs: Codecs<Command, Result, Query, Answer>,
    query: ((query: Query) => Answer) | undefined,
  ) {
    this.#runtime = engine
    this.#codecs = codecs
    this.#query = query
  }

  /** Recovers what the storage holds, listens, and takes part. Rejects with ERR_RAFT_OPTIONS naming every mistake, and the like. */
  static async start<Command, Result, Query = never, Answer = unknown>(
    options: RaftNodeOptions<Command, Result, Query, Answer>,
  ): Promise<RaftNode<Command, Result, Query, Answer>> {
    throwOnProblems(validateOptions(options, START_CHECKS))
    const { storage, transport, clock, stateMachine, id, cluster, peers, join, makeCore, observers = [] } = options
    const resolved = resolveOptions(options)
    try {
      const { core, recovered } = await recover(storage, { id, cluster, peers, join, makeCore }, resolved, clock.now())
      const codecs = codecsOf(options)
      const runtime = new NodeRuntime<Command, Result>({
        ...{ core, recovered, storage, transport, clock },
        options: resolved,
        addresses: peers ?? {},
        machine: stateMachine,
        codec: codecs.command,
        hub: new EventHub(id, observers, resolved.eventBufferMax),
      })
      const query =
        stateMachine.query === undefined ? undefined : (asked: Query) => stateMachine.query?.(asked) as Answer
      const node = new RaftNode<Command, Result, Query, Answer>(runtime, codecs, query)
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

  /** Resolves with the reason if the node ever stops for good by itself: its disk failed, the state machine threw. Never rejects. */
  get failed(): Promise<RaftError> {
    return this.#runtime.failed
  }

  /**
   * Resolves with the machine's result once the command is applied on this node. Else it rejects, at the latest when its time is up:
   * `outcome` says whether the command surely has no effect ('not-applied') or may have one ('unknown').
   */
  propose(command: Command, options?: CallOptions): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#propose(this.#encode(command), options, false, resolve, reject)
    })
  }

  async proposeBytes(command: Uint8Array, options?: CallOptions): Promise<Applied> {
    this.#assertDecodable(command)
    const landing = await new Promise<Landing>((resolve, reject) => {
      this.#propose(command, options, true, resolve, reject)
    })
    const { index, term } = landing
    try {
      return { index, term, result: this.#codecs.result.encode(landing.result as Result) }
    } catch (cause) {
      const message = `the command was applied at index ${index}, but its result cannot be encoded: ${String(cause)}`
      throw new RaftError('ERR_RAFT_BAD_MESSAGE', message, { outcome: 'applied', cause })
    }
  }

  /**
   * The answer of `query`, called once the state is as fresh as asked for. Linearizable by default: it sees every write that was
   * acknowledged, by any node, before this call. May be asked of any node; while nobody leads, it waits.
   */
  read<Value>(query: () => Value, options?: ReadOptions): Promise<Value> {
    return this.#read(query, true, options)
  }

  async queryBytes(
    query: Uint8Array,
    options?: ReadOptions,
  ): Promise<{ readonly answer: Uint8Array; readonly appliedIndex: LogIndex; readonly term: Term }> {
    const ask = this.#query
    if (ask === undefined) throw new RaftError('ERR_RAFT_BAD_MESSAGE', 'this state machine answers no queries')
    const decoded = this.#decodeQuery(query)
    return this.#read(
      () => {
        const answer = this.#codecs.answer.encode(ask(decoded))
        return { answer, appliedIndex: this.#runtime.appliedIndex, term: this.#runtime.term }
      },
      false,
      options,
    )
  }

  /** Resolves once the change, and the way out of a joint membership, are committed. */
  changeMembership(change: MembershipChange, options?: CallOptions): Promise<{ readonly index: LogIndex }> {
    return new Promise((resolve, reject) => {
      const runtime = this.#startCall('membership change', options?.signal)
      const invalid = change.add?.find(({ id }) => checkNodeId(id) !== undefined)
      if (invalid !== undefined)
        throw new RaftError('ERR_RAFT_BAD_CHANGE', `the id of a new member ${checkNodeId(invalid.id)}`)
      const deadline = runtime.deadlines.deadlineFor(options)
      const operation = 'membership change'
      const request = runtime.adminRequests.add({
        ...{ operation, isStarted: true, deadline, signal: options?.signal },
        resolve,
        reject,
      })
      runtime.driver.post({ type: 'changeMembership', request, change })
    })
  }

  /** To `to`, or to the most caught-up voter. */
  async transferLeadership(
    options: CallOptions & { readonly to?: NodeId | undefined } = {},
  ): Promise<{ readonly leader: NodeId | undefined }> {
    return this.#startCall('leadership transfer', options.signal).leadershipTransfer.transfer(options.to, options)
  }

  /** Now, whether it is due or not; if nothing was applied since the last one, that one is the answer. */
  takeSnapshot(options?: CallOptions): Promise<SnapshotInfo> {
    return new Promise((resolve, reject) => {
      const { adminRequests, deadlines, snapshotTaker } = this.#startCall('snapshot', options?.signal)
      const deadline = deadlines.deadlineFor({ timeoutMs: options?.timeoutMs ?? SNAPSHOT_TIMEOUT_MS })
      const operation = 'snapshot'
      const request = adminRequests.add({
        ...{ operation, isStarted: false, deadline, signal: options?.signal },
        resolve,
        reject,
      })
      snapshotTaker.take().then(
        (snapshot) => adminRequests.resolve(request, snapshot),
        (error) => adminRequests.reject(request, error),
      )
    })
  }

  async status(): Promise<NodeStatus> {
    return this.statusNow()
  }

  /** The status, without waiting. */
  statusNow(): NodeStatus {
    return this.#runtime.status()
  }

  /** Everything that happens from now on. Holds a bounded number of events for a slow reader; `dropped` counts the lost ones. */
  events(options?: { readonly signal?: AbortSignal | undefined }): EventStream {
    return this.#runtime.hub.stream(options?.signal)
  }

  /** Resolves with the first status that `predicate` holds for: `node.until((status) => status.role === 'leader')`. */
  until(predicate: (status: NodeStatus) => boolean, options?: CallOptions): Promise<NodeStatus> {
    return new Promise((resolve, reject) => {
      const { statusWaiters, deadlines } = this.#startCall('wait', options?.signal)
      statusWaiters.add({
        predicate,
        deadline: deadlines.deadlineFor(options),
        signal: options?.signal,
        resolve,
        reject,
      })
    })
  }

  /** Hands leadership over if it can, settles every call, and lets go of network and disk. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#runtime.close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Who asks over the network is told at once that nobody leads here: another node may know better. */
  #read<Value>(query: () => Value, retryWithoutLeader: boolean, options: ReadOptions = {}): Promise<Value> {
    return new Promise((resolve, reject) => {
      const { signal, mode = 'linearizable' } = options
      const { reads, deadlines, driver } = this.#startCall('read', signal)
      const deadline = deadlines.deadlineFor(options)
      reads.add({ query, retryWithoutLeader, deadline, signal, resolve, reject }, CONFIRMATIONS[mode])
      driver.wake()
    })
  }

  /** Throws if nothing can be begun any more. */
  #startCall(operation: string, signal: AbortSignal | undefined): NodeRuntime<Command, Result> {
    this.#runtime.assertRunning(operation)
    if (signal?.aborted === true)
      throw new RaftError('ERR_RAFT_ABORTED', `the ${operation} was not begun: its signal was aborted before`, {
        cause: signal.reason,
      })
    return this.#runtime
  }

  #propose(
    command: Uint8Array,
    options: CallOptions | undefined,
    wantsLanding: boolean,
    resolve: (value: never) => void,
    reject: (error: RaftError) => void,
  ): void {
    const runtime = this.#startCall('proposal', options?.signal)
    const { commandBytesMax } = runtime.options
    if (command.length > commandBytesMax) throw tooLarge(command.length, commandBytesMax)
    const error = runtime.diskSpace.writeError ?? runtime.proposals.checkCapacity(command.length)
    if (error !== undefined) throw error
    const deadline = runtime.deadlines.deadlineFor(options)
    runtime.proposals.add({ command, deadline, signal: options?.signal, wantsLanding, resolve, reject })
    runtime.driver.wake()
  }

  #encode(command: Command): Uint8Array {
    try {
      return this.#codecs.command.encode(command)
    } catch (cause) {
      throw notStartedError(
        'proposal',
        `the command cannot be encoded: ${String(cause)}`,
        'ERR_RAFT_BAD_MESSAGE',
        cause,
      )
    }
  }

  /** What comes from the network is tried before it gets into the log, where it would stop every node. */
  #assertDecodable(command: Uint8Array): void {
    try {
      this.#codecs.command.decode(command)
    } catch (cause) {
      throw notStartedError(
        'proposal',
        `the command cannot be decoded: ${String(cause)}`,
        'ERR_RAFT_BAD_MESSAGE',
        cause,
      )
    }
  }

  #decodeQuery(query: Uint8Array): Query {
    try {
      return this.#codecs.query.decode(query)
    } catch (cause) {
      throw notStartedError('read', `the query cannot be decoded: ${String(cause)}`, 'ERR_RAFT_BAD_MESSAGE', cause)
    }
  }
}

function codecsOf<Command, Result, Query, Answer>(
  options: RaftNodeOptions<Command, Result, Query, Answer>,
): Codecs<Command, Result, Query, Answer> {
  const { codec, resultCodec, queryCodec, answerCodec } = options
  return {
    command: codec ?? jsonCodec(),
    result: resultCodec ?? jsonCodec(),
    query: queryCodec ?? jsonCodec(),
    answer: answerCodec ?? jsonCodec(),
  }
}

function tooLarge(size: number, limit: number): RaftError {
  return new RaftError('ERR_RAFT_TOO_LARGE', `the command has ${size} bytes, and commandBytesMax is ${limit}`, {
    hint: 'split the command, keep large values elsewhere, or raise commandBytesMax on every node',
    details: { size, limit },
  })
}
