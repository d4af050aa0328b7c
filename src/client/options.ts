/** The options of a client with their defaults, and their validation. */
import type { ClientChannelFactory } from '../contracts/client-channel.ts'
import type { Clock } from '../contracts/clock.ts'
import type { Codec } from '../contracts/state-machine.ts'
import {
  checkBoolean,
  checkFunction,
  checkMethods,
  checkPositive,
  findOptionProblems,
  type OptionCheck,
  throwOnProblems,
} from '../platform/options.ts'

/** Timeouts and limits of a client; times in milliseconds. */
export interface ClientLimitOptions {
  /** The default timeout of a call, including all attempts. */
  readonly timeoutMs: number
  /** The default timeout of taking a snapshot, which takes longer the larger the state is. */
  readonly snapshotTimeoutMs: number
  /**
   * The timeout of one attempt of a read or a status request, which can be retried at another node. A command in a session is sent to another
   * node after this time too, while the first may still answer.
   */
  readonly attemptTimeoutMs: number
  /**
   * A node that has calls open and answers nothing for this long gets no new calls until it answers a status request. About one
   * election timeout of the nodes. A pause of the client's own process counts as a quarter of it at most.
   */
  readonly nodeSilenceMs: number
  /** The wait before the next attempt, once every node has failed: it doubles each time, with jitter (50–100 %) … */
  readonly backOffMinMs: number
  /** … up to this. */
  readonly backOffMaxMs: number
  /** How long `changes` looks for a node that serves the next change, before it rejects. */
  readonly changesTimeoutMs: number
  /** The most members that the client learns of and remembers, in addition to the configured endpoints. */
  readonly learnedEndpointsMax: number
}

/** The defaults of ClientLimitOptions. */
export const CLIENT_DEFAULTS: ClientLimitOptions = {
  timeoutMs: 5000,
  snapshotTimeoutMs: 60_000,
  attemptTimeoutMs: 1500,
  nodeSilenceMs: 1000,
  backOffMinMs: 20,
  backOffMaxMs: 500,
  changesTimeoutMs: 60_000,
  learnedEndpointsMax: 64,
}

/** The codecs of commands, results, queries and answers; JSON by default. They must equal the codecs of the nodes. */
export interface ClientCodecs<Command, Result, Query, Answer> {
  readonly codec?: Codec<Command> | undefined
  readonly resultCodec?: Codec<Result> | undefined
  readonly queryCodec?: Codec<Query> | undefined
  readonly answerCodec?: Codec<Answer> | undefined
}

/** The options of RaftClient and `connect`. */
export interface RaftClientOptions<Command = unknown, Result = unknown, Query = unknown, Answer = unknown>
  extends Partial<ClientLimitOptions>,
    ClientCodecs<Command, Result, Query, Answer> {
  /** Addresses of some nodes of the cluster, of which at least one must be running. The others are learned from them. */
  readonly endpoints: readonly string[]
  /** Makes a channel to an address: `grpcChannelFactory()` of quorate/grpc, or `memoryChannelFactory()` of quorate/memory. */
  readonly channel: ClientChannelFactory
  /**
   * Whether commands are proposed in client sessions, so that a command whose fate is unknown is sent again and still applied once. Default:
   * true. Without, such a call rejects with ERR_RAFT_OUTCOME_UNKNOWN.
   */
  readonly sessions?: boolean | undefined
  /** The clock of timeouts and backoff. Default: the system's. */
  readonly clock?: Clock | undefined
  /** The source of jitter, a function that returns a number in [0, 1). Default: Math.random. */
  readonly random?: (() => number) | undefined
}

const codec = checkMethods('encode', 'decode')

const CHECKS: Readonly<Record<string, OptionCheck>> = {
  ...Object.fromEntries(Object.keys(CLIENT_DEFAULTS).map((name) => [name, checkPositive])),
  endpoints: (value) =>
    Array.isArray(value) && value.length > 0 && value.every(isAddress)
      ? undefined
      : "must be a list of at least one address such as '127.0.0.1:7001'",
  channel: checkFunction,
  codec,
  resultCodec: codec,
  queryCodec: codec,
  answerCodec: codec,
  sessions: checkBoolean,
  clock: checkMethods('now', 'wakeAt'),
  random: checkFunction,
}

/** Throws ERR_RAFT_OPTIONS that names every problem. */
export function checkClientOptions(options: object): void {
  const problems = findOptionProblems(options, CHECKS)
  for (const path of ['endpoints', 'channel'])
    if ((options as Readonly<Record<string, unknown>>)[path] === undefined)
      problems.push({ path, problem: 'is missing' })
  throwOnProblems(problems)
}

function isAddress(value: unknown): boolean {
  return typeof value === 'string' && /^\S+$/.test(value)
}
