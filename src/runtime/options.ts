/** What a node is started with: the names, the defaults, and one check of the whole that reports every mistake at once. */
import type { Observer } from '../contracts/observer.ts'
import type { Codec, StateMachine } from '../contracts/state-machine.ts'
import type { RaftOptions } from '../core/options.ts'
import { RAFT_DEFAULTS } from '../core/options.ts'
import type { NodeId } from '../core/types.ts'
import {
  checkBoolean,
  checkInteger,
  checkMethods,
  checkString,
  findOptionProblems,
  formatValue,
  type OptionCheck,
  type OptionProblem,
  withDefaults,
} from '../platform/options.ts'

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

const DEFAULTS = { ...RAFT_DEFAULTS, ...RUNTIME_DEFAULTS }

export const checkNodeId: OptionCheck = (value) =>
  typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(value)
    ? undefined
    : `must be 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit, not ${formatValue(value)}`

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
  Object.entries(DEFAULTS).map(([name, standard]) => [
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

/** Every problem of a node's options: unknown names, invalid values, missing ones and conflicts. */
export function validateOptions(options: object, checks: Readonly<Record<string, OptionCheck>>): OptionProblem[] {
  const given = options as Readonly<Record<string, unknown>>
  const problems = findOptionProblems(given, checks)
  for (const path of ['id', 'stateMachine'])
    if (given[path] === undefined) problems.push({ path, problem: 'is missing' })
  // An invalid value conflicts with nothing: the others are checked as if it had been left out.
  const invalid = new Set(problems.map(({ path }) => path))
  const valid = Object.fromEntries(Object.entries(given).filter(([path]) => !invalid.has(path)))
  problems.push(...findConflicts(valid))
  if (!invalid.has('id')) problems.push(...findMembershipConflicts(valid).filter(({ path }) => !invalid.has(path)))
  return problems
}

function findConflicts(options: Partial<NodeOptions<unknown, unknown>>): OptionProblem[] {
  const all = withDefaults(DEFAULTS, options)
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

/** All limits and timeouts of a node: as given, or their default. */
export function resolveOptions(
  options: Partial<typeof DEFAULTS> & { readonly id: NodeId; readonly seed: number },
): RuntimeOptions & RaftOptions {
  return { ...withDefaults(DEFAULTS, options), id: options.id, seed: options.seed }
}
