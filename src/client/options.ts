/** What a client is made with: the endpoints, the way to them, the codecs, and the few numbers it retries by. */
import type { ClientChannelFactory } from '../contracts/client-channel.ts'
import type { Clock } from '../contracts/clock.ts'
import type { Codec } from '../contracts/state-machine.ts'
import {
  checkFunction,
  checkMethods,
  checkPositive,
  findOptionProblems,
  type OptionCheck,
  throwOnProblems,
} from '../platform/options.ts'

export interface ClientLimitOptions {
  /** How long a call may take, with everything that is tried meanwhile. */
  readonly timeoutMs: number
  /** The same for taking a snapshot, which is as long as the state is large. */
  readonly snapshotTimeoutMs: number
  /** How long one node is waited for where another may be asked instead: for reads and for status. */
  readonly attemptTimeoutMs: number
  /** Once every node was asked in vain, the pause before the next round: doubled each time up to the maximum, less up to half by chance. */
  readonly backOffMinMs: number
  readonly backOffMaxMs: number
  /** The most members learned beside the endpoints given. */
  readonly learnedEndpointsMax: number
}

export const CLIENT_DEFAULTS: ClientLimitOptions = {
  timeoutMs: 5000,
  snapshotTimeoutMs: 60_000,
  attemptTimeoutMs: 1500,
  backOffMinMs: 20,
  backOffMaxMs: 500,
  learnedEndpointsMax: 64,
}

/** How values become bytes; JSON unless said otherwise. They must be the ones the nodes use. */
export interface ClientCodecs<Command, Result, Query, Answer> {
  readonly codec?: Codec<Command> | undefined
  readonly resultCodec?: Codec<Result> | undefined
  readonly queryCodec?: Codec<Query> | undefined
  readonly answerCodec?: Codec<Answer> | undefined
}

export interface RaftClientOptions<Command = unknown, Result = unknown, Query = unknown, Answer = unknown>
  extends Partial<ClientLimitOptions>,
    ClientCodecs<Command, Result, Query, Answer> {
  /** Addresses of some nodes of the cluster, at least one that is up; the others are learned. */
  readonly endpoints: readonly string[]
  /** How a node is reached: `grpcChannelFactory()` of quorate/grpc, or `memoryChannelFactory` of quorate/memory. */
  readonly channel: ClientChannelFactory
  readonly clock?: Clock | undefined
  /** Where the chance in back-offs comes from; Math.random unless said otherwise. */
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
