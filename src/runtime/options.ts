/** What a node is started with: the names, the defaults, and one check of the whole that reports every mistake at once. */
import { closest, distance } from 'fastest-levenshtein'
import type { Observer } from '../contracts/observer.ts'
import type { Codec, StateMachine } from '../contracts/state-machine.ts'
import type { RaftOptions } from '../core/options.ts'
import { RAFT_DEFAULTS } from '../core/options.ts'
import type { NodeId } from '../core/types.ts'
import { RaftError } from '../errors.ts'

/** The limits of the runtime, beside those of the core. */
export interface RuntimeOptions {
  /** How long a call waits when it does not say: proposals, reads, changes. */
  readonly callTimeoutMs: number
  /** The largest command, encoded. */
  readonly commandBytesMax: number
  /** The most commands in one block; what one turn of the event loop brings beyond it goes into further blocks. */
  readonly blockEntriesMax: number
  /** The most bytes in one block. */
  readonly blockBytesMax: number
  /** The most proposals of this node whose fate is open; beyond it they are rejected as overloaded. */
  readonly pendingProposalsMax: number
  readonly pendingProposalBytesMax: number
  /** The most messages of peers waiting for the next turn; beyond it they are dropped, as the network might. */
  readonly mailboxMessagesMax: number
  readonly mailboxBytesMax: number
  /** The most messages waiting for a disk read on the way to one peer. */
  readonly sendQueueMax: number
  /** Newest blocks kept in memory, for followers and for applying. */
  readonly blockCacheBytesMax: number
  /** How much of the log one disk read brings. */
  readonly readBytesMax: number
  /** How long commands are applied before the event loop gets its turn. */
  readonly applyTurnMs: number
  /** A write that nobody waits for (a commit index) joins the next one that somebody does, or goes alone after this long. */
  readonly lazyWriteMs: number
  /** A snapshot is taken once this many entries were applied since the last. */
  readonly snapshotEntries: number
  /** … or this many bytes; but not before as many bytes were applied as the last snapshot has. */
  readonly snapshotBytes: number
  /** After a failed snapshot, the next is not tried sooner. */
  readonly snapshotRetryMs: number
  /** Between two attempts to go on with a snapshot of the leader's. Doubled up to the maximum while nothing comes. */
  readonly fetchRetryMinMs: number
  readonly fetchRetryMaxMs: number
  /** Attempts without a single new byte before the leader is asked for another snapshot. */
  readonly fetchAttemptsMax: number
  /** With less free space than this, writes are refused and leadership is handed over; 0 switches the watch off. */
  readonly freeBytesMin: number
  readonly freeBytesCheckMs: number
  /** Events kept for a reader of `events()` that does not keep up; older ones are dropped and counted. */
  readonly eventBufferMax: number
}

export const RUNTIME_DEFAULTS: RuntimeOptions = {
  callTimeoutMs: 5000,
  commandBytesMax: 1024 * 1024,
  blockEntriesMax: 1024,
  blockBytesMax: 1024 * 1024,
  pendingProposalsMax: 100_000,
  pendingProposalBytesMax: 64 * 1024 * 1024,
  mailboxMessagesMax: 10_000,
  mailboxBytesMax: 64 * 1024 * 1024,
  sendQueueMax: 1000,
  blockCacheBytesMax: 16 * 1024 * 1024,
  readBytesMax: 1024 * 1024,
  applyTurnMs: 8,
  lazyWriteMs: 50,
  snapshotEntries: 100_000,
  snapshotBytes: 64 * 1024 * 1024,
  snapshotRetryMs: 10_000,
  fetchRetryMinMs: 100,
  fetchRetryMaxMs: 2000,
  fetchAttemptsMax: 8,
  freeBytesMin: 128 * 1024 * 1024,
  freeBytesCheckMs: 2000,
  eventBufferMax: 1000,
}

/** Who this node is, what it applies commands to, and any limit that should not have its default. */
export interface NodeOptions<Command, Result, Query = never, Answer = unknown>
  extends Partial<RuntimeOptions>,
    Partial<Omit<RaftOptions, 'id'>> {
  /** 1 to 64 letters, digits, '.', '_' or '-'. */
  readonly id: NodeId
  /** The first members and their addresses, this node among them. Counts only for an empty data directory. */
  readonly peers?: Readonly<Record<NodeId, string>> | undefined
  /** Names the cluster; left out, it is derived from `peers`. What an existing data directory says is never overwritten. */
  readonly cluster?: string | undefined
  /** Start outside, to be added by a membership change of a running cluster. Needs `cluster`; `peers` are then only addresses. */
  readonly join?: boolean | undefined
  readonly stateMachine: StateMachine<Command, Result, Query, Answer>
  /** How commands become bytes; JSON unless said otherwise, as are the next three. */
  readonly codec?: Codec<Command> | undefined
  /** Results, on their way to a client of the network. */
  readonly resultCodec?: Codec<Result> | undefined
  readonly queryCodec?: Codec<Query> | undefined
  readonly answerCodec?: Codec<Answer> | undefined
  readonly observers?: readonly Observer[] | undefined
}

/** One mistake in the options, and where it is. */
export interface OptionProblem {
  readonly path: string
  readonly problem: string
}

/** Says what is wrong with a value, or nothing. */
export type OptionCheck = (value: unknown) => string | undefined

export const checkInteger =
  (min: number): OptionCheck =>
  (value) =>
    Number.isSafeInteger(value) && (value as number) >= min
      ? undefined
      : `must be a whole number of at least ${min}, not ${formatValue(value)}`

export const checkString: OptionCheck = (value) =>
  typeof value === 'string' && value !== '' ? undefined : `must be a non-empty string, not ${formatValue(value)}`

export const checkBoolean: OptionCheck = (value) =>
  typeof value === 'boolean' ? undefined : `must be true or false, not ${formatValue(value)}`

export const checkNodeId: OptionCheck = (value) =>
  typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(value)
    ? undefined
    : `must be 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit, not ${formatValue(value)}`

/** An object with these functions. */
export const checkMethods =
  (...names: readonly string[]): OptionCheck =>
  (value) => {
    if (typeof value !== 'object' || value === null) return `must be an object, not ${formatValue(value)}`
    const missing = names.filter((name) => typeof (value as Record<string, unknown>)[name] !== 'function')
    return missing.length === 0 ? undefined : `has no ${missing.map((name) => `${name}()`).join(', ')}`
  }

const checkFraction: OptionCheck = (value) =>
  typeof value === 'number' && value >= 0 && value < 1
    ? undefined
    : `must be at least 0 and below 1, not ${formatValue(value)}`

const checkPeers: OptionCheck = (value) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return `must be an object of addresses by id, not ${formatValue(value)}`
  for (const [id, address] of Object.entries(value)) {
    if (checkNodeId(id) !== undefined) return `the id ${formatValue(id)} ${checkNodeId(id)}`
    if (checkString(address) !== undefined) return `the address of ${id} ${checkString(address)}`
  }
  const addresses = Object.values(value)
  const twice = addresses.find((address, offset) => addresses.indexOf(address) !== offset)
  return twice === undefined ? undefined : `the address ${twice} is given twice`
}

const checkObservers: OptionCheck = (value) => {
  if (!Array.isArray(value)) return `must be an array, not ${formatValue(value)}`
  return value.map(checkMethods('event')).find((problem) => problem !== undefined)
}

const MAY_BE_ZERO = new Set(['trailingEntries', 'trailingBytesMax', 'freeBytesMin', 'lazyWriteMs', 'caughtUpEntries'])

const NUMBER_CHECKS: Record<string, OptionCheck> = Object.fromEntries(
  Object.entries({ ...RAFT_DEFAULTS, ...RUNTIME_DEFAULTS }).map(([name, standard]) => [
    name,
    typeof standard === 'boolean' ? checkBoolean : checkInteger(MAY_BE_ZERO.has(name) ? 0 : 1),
  ]),
)

/** The check of every option that RaftNode.start takes. */
export const OPTION_CHECKS: Readonly<Record<string, OptionCheck>> = {
  ...NUMBER_CHECKS,
  clockDriftMax: checkFraction,
  id: checkNodeId,
  seed: checkInteger(0),
  peers: checkPeers,
  cluster: checkString,
  join: checkBoolean,
  stateMachine: checkMethods('apply', 'snapshot', 'restore'),
  codec: checkMethods('encode', 'decode'),
  resultCodec: checkMethods('encode', 'decode'),
  queryCodec: checkMethods('encode', 'decode'),
  answerCodec: checkMethods('encode', 'decode'),
  observers: checkObservers,
}

/** Every problem of a set of options: unknown names, wrong values, contradictions. Empty if there is none. */
export function validateOptions(options: object, checks: Readonly<Record<string, OptionCheck>>): OptionProblem[] {
  const problems: OptionProblem[] = []
  const given = options as Readonly<Record<string, unknown>>
  for (const [path, value] of Object.entries(given)) {
    const check = Object.hasOwn(checks, path) ? checks[path] : undefined
    if (check === undefined)
      problems.push({ path, problem: `is not an option${suggestion(path, Object.keys(checks))}` })
    else if (value !== undefined) {
      const problem = check(value)
      if (problem !== undefined) problems.push({ path, problem })
    }
  }
  for (const path of ['id', 'stateMachine'])
    if (given[path] === undefined) problems.push({ path, problem: 'is missing' })
  // Values that are wrong by themselves contradict nothing: the rest is judged as if they had been left out.
  const invalid = new Set(problems.map(({ path }) => path))
  const valid = Object.fromEntries(Object.entries(given).filter(([path]) => !invalid.has(path)))
  problems.push(...findConflicts(valid))
  if (!invalid.has('id')) problems.push(...findMembershipConflicts(valid).filter(({ path }) => !invalid.has(path)))
  return problems
}

/** Throws ERR_RAFT_OPTIONS naming all problems, if there are any. */
export function throwOnProblems(problems: readonly OptionProblem[]): void {
  if (problems.length === 0) return
  const lines = problems.map(({ path, problem }) => `${path} ${problem}`)
  throw new RaftError('ERR_RAFT_OPTIONS', `the options cannot be used: ${lines.join('; ')}`, {
    hint: 'mend all of them; they were checked together',
    details: { problems: problems.length, ...Object.fromEntries(problems.map(({ path, problem }) => [path, problem])) },
  })
}

function findConflicts(options: Partial<NodeOptions<unknown, unknown>>): OptionProblem[] {
  const all = { ...RAFT_DEFAULTS, ...RUNTIME_DEFAULTS, ...withoutUndefined(options) }
  const problems: OptionProblem[] = []
  const expect = (isValid: boolean, path: string, problem: string): void => {
    if (!isValid) problems.push({ path, problem })
  }
  const { electionTimeoutMinMs: min, electionTimeoutMaxMs: max, heartbeatIntervalMs: heartbeat } = all
  expect(min < max, 'electionTimeoutMinMs', `(${min}) must be below electionTimeoutMaxMs (${max})`)
  expect(
    min >= 3 * heartbeat,
    'electionTimeoutMinMs',
    `(${min}) must be at least 3 x heartbeatIntervalMs (${heartbeat})`,
  )
  atMost('commandBytesMax', 'blockBytesMax')
  atMost('blockBytesMax', 'uncommittedBytesMax')
  atMost('blockEntriesMax', 'uncommittedEntriesMax')
  atMost('commandBytesMax', 'pendingProposalBytesMax')
  atMost('fetchRetryMinMs', 'fetchRetryMaxMs')
  expect(!all.leaseReads || all.checkQuorum, 'leaseReads', 'needs checkQuorum: a lease rests on it')
  return problems

  function atMost(small: keyof typeof RUNTIME_DEFAULTS, large: keyof typeof all): void {
    expect(Number(all[small]) <= Number(all[large]), small, `(${all[small]}) must not exceed ${large} (${all[large]})`)
  }
}

function findMembershipConflicts({
  id = '',
  peers,
  cluster,
  join,
}: Partial<NodeOptions<unknown, unknown>>): OptionProblem[] {
  if (join === true)
    return cluster === undefined
      ? [{ path: 'cluster', problem: 'is missing: a node that joins must name the cluster it means' }]
      : []
  if (peers === undefined)
    return [{ path: 'peers', problem: 'is missing: name all first members, or say `join: true` to be added later' }]
  if (peers[id] === undefined)
    return [{ path: 'peers', problem: `does not name ${id} itself, only ${Object.keys(peers).join(', ')}` }]
  return []
}

/** Every number a node runs by: what was given, and the defaults for the rest. */
export function resolveOptions(options: { readonly id: NodeId; readonly seed: number }): RuntimeOptions & RaftOptions {
  const names = [...Object.keys(RAFT_DEFAULTS), ...Object.keys(RUNTIME_DEFAULTS)]
  const given = Object.fromEntries(Object.entries(withoutUndefined(options)).filter(([name]) => names.includes(name)))
  return { ...RAFT_DEFAULTS, ...RUNTIME_DEFAULTS, ...given, id: options.id, seed: options.seed }
}

/** Without the keys whose value is undefined, so that they do not hide a default. */
export function withoutUndefined<Options extends object>(options: Options): Options {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Options
}

function suggestion(name: string, known: readonly string[]): string {
  const best = closest(name, [...known])
  const isNear = distance(name.toLowerCase(), best.toLowerCase()) <= Math.max(2, name.length / 3)
  const suggested = isNear ? best : known.find((full) => isSubsequence(name.toLowerCase(), full.toLowerCase()))
  return suggested === undefined ? '' : `; did you mean ${suggested}?`
}

/** Whether the letters of `name` stand in `full` in their order. */
function isSubsequence(name: string, full: string): boolean {
  let at = 0
  for (const letter of full) if (letter === name[at]) at++
  return name.length > 2 && at === name.length
}

function formatValue(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}
