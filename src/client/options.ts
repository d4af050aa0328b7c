/** What a client is made with: the endpoints, the way to them, the codecs, and the few numbers it retries by. */
import type { ClientChannelFactory } from '../contracts/client-channel.ts'
import type { Clock } from '../contracts/clock.ts'
import type { Codec } from '../contracts/state-machine.ts'
import { RaftError } from '../errors.ts'

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

const CODECS = ['codec', 'resultCodec', 'queryCodec', 'answerCodec'] as const
const OTHERS = ['endpoints', 'channel', 'clock', 'random']

/** Throws ERR_RAFT_OPTIONS naming every mistake. */
export function checkClientOptions(options: object): void {
  const given = options as Readonly<Record<string, unknown>>
  const limits = Object.keys(CLIENT_DEFAULTS)
  const problems: string[] = []
  for (const name of Object.keys(given))
    if (![...limits, ...CODECS, ...OTHERS].includes(name)) problems.push(`${name} is not an option`)
  const { endpoints, channel } = given
  if (!Array.isArray(endpoints) || endpoints.length === 0 || !endpoints.every(isAddress))
    problems.push("endpoints must be a list of at least one address such as '127.0.0.1:7001'")
  if (typeof channel !== 'function') problems.push('channel must be a function that makes a channel to an address')
  for (const name of limits)
    if (given[name] !== undefined && !isPositive(given[name])) problems.push(`${name} must be a number above 0`)
  for (const name of CODECS)
    if (given[name] !== undefined && !isCodec(given[name])) problems.push(`${name} must have encode() and decode()`)
  if (problems.length > 0)
    throw new RaftError('ERR_RAFT_OPTIONS', `the options cannot be used: ${problems.join('; ')}`, {
      details: { problems: problems.length },
    })
}

/** The limits, each by default unless really given. */
export function limitsOf(options: Partial<ClientLimitOptions>): ClientLimitOptions {
  const limits: { -readonly [Name in keyof ClientLimitOptions]: number } = { ...CLIENT_DEFAULTS }
  for (const name of Object.keys(limits) as (keyof ClientLimitOptions)[]) limits[name] = options[name] ?? limits[name]
  return limits
}

function isAddress(value: unknown): boolean {
  return typeof value === 'string' && /^\S+$/.test(value)
}

function isPositive(value: unknown): boolean {
  return typeof value === 'number' && value > 0
}

function isCodec(value: unknown): boolean {
  const codec = value as Partial<Codec<unknown>> | null
  return typeof codec?.encode === 'function' && typeof codec.decode === 'function'
}
