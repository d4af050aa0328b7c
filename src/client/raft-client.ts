/** The client of a cluster: proposals, queries and administration through channels, wherever the leader is. */
import type {
  Applied,
  CallOptions,
  Change,
  ChangeBatch,
  ChangesOptions,
  NodeStatus,
  ReadOptions,
  SnapshotOptions,
} from '../contracts/node-service.ts'
import type { Codec } from '../contracts/state-machine.ts'
import type { MembershipChange } from '../core/inputs.ts'
import type { LogIndex, NodeId, SnapshotInfo, Term } from '../core/types.ts'
import type { LeaderHint } from '../errors.ts'
import { isRaftError, RaftError } from '../errors.ts'
import { errorMessage } from '../platform/error-message.ts'
import { freshnessOf, laggingError } from '../platform/freshness.ts'
import { jsonCodec } from '../platform/json-codec.ts'
import { assertTerm, withDefaults } from '../platform/options.ts'
import { systemClock } from '../platform/system-clock.ts'
import { ChangeFollower } from './change-follower.ts'
import { Endpoints } from './endpoints.ts'
import type { ClientLimitOptions, RaftClientOptions } from './options.ts'
import { CLIENT_DEFAULTS, checkClientOptions } from './options.ts'
import { RetryingCaller } from './retrying-caller.ts'
import { SessionCaller } from './session-caller.ts'

/** The options of a query. The client remembers no index: pass the one of your last write (`proposeWithIndex`) as `atLeast`. */
export interface QueryOptions extends ReadOptions {
  /** Query only the node at this address. */
  readonly endpoint?: string | undefined
}

/** The options of a proposal. */
export interface ClientProposeOptions extends CallOptions {
  /**
   * The command may be applied more than once without harm: it is proposed without a session, and sent again if its fate is unknown. Default:
   * false.
   */
  readonly idempotent?: boolean | undefined
  /**
   * The command is applied only if the leader of this term appends it, such as that of `whileLeader`. Otherwise it rejects with ERR_RAFT_OTHER_TERM, or, if
   * an earlier attempt may have been applied, with ERR_RAFT_OUTCOME_UNKNOWN.
   */
  readonly expectTerm?: Term | undefined
}

/** A change, and the cluster to which its index belongs: pass both to continue after it. */
export interface ClusterChange<Command = Uint8Array, Result = Uint8Array> extends Change<Command, Result> {
  readonly clusterId: string
}

/** The status of the node at an address, or the error of the request. */
export type EndpointStatus =
  | { readonly address: string; readonly status: NodeStatus }
  | { readonly address: string; readonly error: RaftError }

/**
 * Finds the leader, follows leadership changes, and retries what is safe to retry. Commands are proposed in a client session, so that one whose
 * fate is unknown is sent again until it is known, and applied once; other mutations are retried only if they were definitely not applied.
 * Calls reject with a RaftError whose `outcome` shows whether the call took effect.
 *
 *     const client = await connect<Command, Result>({ endpoints: ['127.0.0.1:7001'] })
 *     const result = await client.propose(command, { timeoutMs: 2000 })
 *     await client.close()
 */
export class RaftClient<Command = unknown, Result = unknown, Query = unknown, Answer = unknown> {
  readonly #endpoints: Endpoints
  readonly #caller: RetryingCaller
  /** Undefined if commands are proposed without sessions. */
  readonly #sessions: SessionCaller | undefined
  readonly #changeFollower: ChangeFollower
  readonly #limits: ClientLimitOptions
  readonly #codec: Codec<Command>
  readonly #resultCodec: Codec<Result>
  readonly #queryCodec: Codec<Query>
  readonly #answerCodec: Codec<Answer>
  #closed: Promise<void> | undefined

  constructor(options: RaftClientOptions<Command, Result, Query, Answer>) {
    checkClientOptions(options)
    const limits = withDefaults(CLIENT_DEFAULTS, options)
    this.#limits = limits
    this.#endpoints = new Endpoints(options.endpoints, options.channel, limits.learnedEndpointsMax)
    const { clock = systemClock, random = Math.random, sessions = true } = options
    this.#caller = new RetryingCaller({ endpoints: this.#endpoints, limits, clock, random })
    this.#changeFollower = new ChangeFollower({
      endpoints: this.#endpoints,
      caller: this.#caller,
      limits,
      clock,
      random,
    })
    const { timeoutMs } = limits
    this.#sessions = sessions ? new SessionCaller({ caller: this.#caller, clock, timeoutMs }) : undefined
    this.#codec = options.codec ?? jsonCodec()
    this.#resultCodec = options.resultCodec ?? jsonCodec()
    this.#queryCodec = options.queryCodec ?? jsonCodec()
    this.#answerCodec = options.answerCodec ?? jsonCodec()
  }

  /** The configured and the learned addresses. */
  get endpoints(): readonly string[] {
    return this.#endpoints.all
  }

  /** The last known leader; it may have changed since. */
  get leader(): LeaderHint | undefined {
    return this.#endpoints.leader
  }

  /**
   * Proposes a command, and resolves with the result of the state machine once it is applied. Do not change the command until then.
   * It is applied once, even if it has to be sent several times. Rejects with ERR_RAFT_OUTCOME_UNKNOWN if the time ends while the command may have
   * been applied, with ERR_RAFT_NO_LEADER if no leader was found in time, with ERR_RAFT_TOO_LARGE above the size limit, with ERR_RAFT_ABORTED
   * if `signal` was aborted.
   */
  async propose(command: Command, options?: ClientProposeOptions): Promise<Result> {
    return (await this.proposeWithIndex(command, options)).result
  }

  /** Like `propose`; also returns the index and term of the command's entry, for `atLeast` of a query. */
  async proposeWithIndex(command: Command, options?: ClientProposeOptions): Promise<Applied<Result>> {
    const { index, term, result } = await this.proposeBytes(this.#codec.encode(command), options)
    try {
      return { index, term, result: this.#resultCodec.decode(result) }
    } catch (cause) {
      throw decodingError('result', `the command was applied at index ${index}`, 'applied', cause)
    }
  }

  /** `propose` without codecs; also returns index and term of the entry. */
  async proposeBytes(
    command: Uint8Array,
    { idempotent = false, expectTerm, ...options }: ClientProposeOptions = {},
  ): Promise<Applied> {
    checkBytes('command', command)
    assertTerm(expectTerm)
    if (this.#sessions !== undefined && !idempotent) return this.#sessions.propose(command, { ...options, expectTerm })
    const kind = idempotent ? 'repeatable' : 'mutation'
    return this.#caller.call(
      kind,
      (channel, attemptOptions) => channel.propose(command, { ...attemptOptions, expectTerm }),
      options,
    )
  }

  /**
   * Queries the state machine. The answer reflects every write acknowledged before the call, unless `mode` is 'local'; with `atLeast` every entry up to
   * that index, on whichever node it reaches; with `maxStalenessMs` a state that is at most that old.
   */
  async query(query: Query, options?: QueryOptions): Promise<Answer> {
    const { answer } = await this.queryBytes(this.#queryCodec.encode(query), options)
    try {
      return this.#answerCodec.decode(answer)
    } catch (cause) {
      throw decodingError('answer', 'the query was answered', 'not-applied', cause)
    }
  }

  /** `query` without codecs; also returns the applied index of the node that answered. */
  async queryBytes(
    query: Uint8Array,
    { mode: givenMode, atLeast: givenIndex, maxStalenessMs, endpoint, ...options }: QueryOptions = {},
  ): Promise<{ readonly answer: Uint8Array; readonly appliedIndex: LogIndex }> {
    checkBytes('query', query)
    const { mode, atLeast } = freshnessOf({ mode: givenMode, atLeast: givenIndex, maxStalenessMs })
    const kind = mode === 'local' ? 'local-read' : 'read'
    return this.#caller.callAt(
      endpoint,
      kind,
      async (channel, attemptOptions) => {
        const answered = await channel.query(query, { ...attemptOptions, mode, atLeast, maxStalenessMs })
        // A node that does not know `atLeast` has not waited.
        if (answered.appliedIndex < atLeast) throw laggingError(channel.address, answered.appliedIndex, atLeast)
        return answered
      },
      options,
    )
  }

  /**
   * Every command that the cluster applies from an index on, in order and once, with its result. It reads from one node, and continues at another when
   * that one fails, hangs or knows no leader. To continue later, pass the index after the last change as `from`, and its `clusterId`. Rejects with
   * ERR_RAFT_COMPACTED if no node that was reached has the next change: start from the state then (`queryBytes` returns its applied index). Rejects
   * with the errors of all nodes if none serves it within `changesTimeoutMs`. Ends without an error when the signal is aborted.
   */
  changes(options: ChangesOptions = {}): AsyncIterableIterator<ClusterChange<Command, Result>> {
    const batches = this.#changeFollower.follow(options)
    const changes = this.#decodeChanges(batches)
    return {
      next: () => changes.next(),
      return: async () => {
        await batches.return?.()
        return changes.return()
      },
      [Symbol.asyncIterator]() {
        return this
      },
    }
  }

  /** Requests the status of every known node. Never rejects because of a node: its entry then contains the error. */
  async status(options?: CallOptions): Promise<readonly EndpointStatus[]> {
    const answers = await Promise.all(this.#endpoints.all.map((address) => this.#statusOf(address, options)))
    const statuses = answers.flatMap((result) => ('status' in result ? [result.status] : []))
    const missing = this.#endpoints
      .membersWithoutStatus(statuses)
      .filter((address) => !answers.some((result) => result.address === address))
    return [...answers, ...(await Promise.all(missing.map((address) => this.#statusOf(address, options))))]
  }

  /** Applies these differences to the current membership; resolves with the index of the entry once it is committed. */
  changeMembership(change: MembershipChange, options?: CallOptions): Promise<{ readonly index: LogIndex }> {
    return this.#caller.call(
      'mutation',
      (channel, attemptOptions) => channel.changeMembership(change, attemptOptions),
      options,
    )
  }

  /**
   * Transfers leadership to `to`, or to the voter with the highest match index; resolves with the new leader. Only with `force` to a
   * voter that should not lead at present, such as one short of disk space.
   */
  transferLeadership({
    to,
    force,
    ...options
  }: CallOptions & { readonly to?: NodeId | undefined; readonly force?: boolean | undefined } = {}): Promise<{
    readonly leader: NodeId | undefined
  }> {
    return this.#caller.call(
      'mutation',
      (channel, attemptOptions) => channel.transferLeadership(to, { ...attemptOptions, force }),
      options,
    )
  }

  /** Takes a snapshot on one node: the one at `endpoint`, or the one that served last. Resolves once it is recorded. */
  takeSnapshot({
    endpoint,
    linearizable,
    ...options
  }: SnapshotOptions & { readonly endpoint?: string | undefined } = {}): Promise<SnapshotInfo> {
    const callOptions = { ...options, timeoutMs: options.timeoutMs ?? this.#limits.snapshotTimeoutMs }
    return this.#caller.callAt(
      endpoint,
      'mutation',
      (channel, attemptOptions) => channel.takeSnapshot({ ...attemptOptions, linearizable }),
      callOptions,
    )
  }

  /** Bytes of a snapshot of the node at `endpoint`, from `offset`: some, or none at its end. */
  readSnapshot(
    id: string,
    offset: number,
    { endpoint, ...options }: CallOptions & { readonly endpoint: string },
  ): Promise<Uint8Array> {
    return this.#caller.callAt(
      endpoint,
      'read',
      (channel, attemptOptions) => channel.readSnapshot(id, offset, attemptOptions),
      options,
    )
  }

  /** Closes all channels. Pending calls reject; the outcome of a proposal that was sent is then unknown. Idempotent. */
  close(): Promise<void> {
    this.#changeFollower.close()
    this.#closed ??= this.#caller.close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async *#decodeChanges(
    batches: AsyncIterableIterator<ChangeBatch>,
  ): AsyncGenerator<ClusterChange<Command, Result>, void, undefined> {
    for await (const { changes, clusterId } of batches)
      for (const change of changes) yield { clusterId, ...this.#decodeChange(change) }
  }

  #decodeChange({ index, term, command, result }: Change): Change<Command, Result> {
    try {
      return {
        ...{ index, term, command: this.#codec.decode(command) },
        result: result === undefined ? undefined : this.#resultCodec.decode(result),
      }
    } catch (cause) {
      throw decodingError('command or result', `there is a change at index ${index}`, 'not-applied', cause)
    }
  }

  async #statusOf(address: string, options: CallOptions = {}): Promise<EndpointStatus> {
    const callOptions = { ...options, timeoutMs: options.timeoutMs ?? this.#limits.attemptTimeoutMs }
    try {
      const status = await this.#caller.callAt(
        address,
        'read',
        (channel, attemptOptions) => channel.status(attemptOptions),
        callOptions,
      )
      this.#endpoints.learn(address, status)
      return { address, status }
    } catch (error) {
      if (!isRaftError(error)) throw error
      return { address, error }
    }
  }
}

/** protobufjs would decode a string as base64. */
function checkBytes(what: string, value: unknown): void {
  if (!(value instanceof Uint8Array))
    throw new RaftError('ERR_RAFT_OPTIONS', `a ${what} must be encoded to a Uint8Array, not to a ${typeof value}`, {
      hint: 'check the codec',
    })
}

function decodingError(what: string, fact: string, outcome: 'applied' | 'not-applied', cause: unknown): RaftError {
  return new RaftError(
    'ERR_RAFT_BAD_MESSAGE',
    `${fact}, but its ${what} could not be decoded: ${errorMessage(cause)}`,
    {
      outcome,
      hint: 'check that the nodes and this client use the same codecs',
      cause,
    },
  )
}
