/** The options of a node: their names, their defaults, and the check that reports every problem at once. */
import type { Observer } from '../contracts/observer.ts'
import type { Codec, StateMachine } from '../contracts/state-machine.ts'
import type { RaftOptions } from '../core/options.ts'
import { optionConflicts, RAFT_DEFAULTS } from '../core/options.ts'
import type { MemberMetadata, NodeId } from '../core/types.ts'
import { metadataProblem } from '../log-format/member-metadata.ts'
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
import type { SessionLimits } from '../sessions/limits.ts'
import { SESSION_DEFAULTS } from '../sessions/limits.ts'
import { isMachineVersion } from '../sessions/machine-version.ts'

/** Limits and timeouts of a node. Numbers are whole; RUNTIME_DEFAULTS has the defaults. */
export interface RuntimeOptions extends SessionLimits {
  /** Whether a follower forwards proposals to the leader. If not, it rejects them with ERR_RAFT_NOT_LEADER. A call may differ. */
  readonly forward: boolean
  /** The timeout of a call that has no `timeoutMs`. */
  readonly callTimeoutMs: number
  /** The largest command, encoded. A larger one is rejected with ERR_RAFT_TOO_LARGE. */
  readonly commandBytesMax: number
  /** The most commands in one block. The proposals of one turn of the event loop share as few blocks as possible. */
  readonly blockEntriesMax: number
  /** The most bytes of commands in one block. */
  readonly blockBytesMax: number
  /** The most pending proposals on this node; further ones are rejected with ERR_RAFT_OVERLOADED. */
  readonly pendingProposalsMax: number
  /** The most bytes of pending proposals. */
  readonly pendingProposalBytesMax: number
  /** The most peer messages queued for the next turn of the event loop; further ones are dropped. */
  readonly mailboxMessagesMax: number
  /** The most bytes of queued peer messages; a single larger message is still accepted if nothing else is queued. */
  readonly mailboxBytesMax: number
  /** The most messages to one peer queued behind a disk read; further ones are dropped. */
  readonly sendQueueMax: number
  /** The most bytes of recent blocks kept in memory, for sending and applying. */
  readonly blockCacheBytesMax: number
  /** The most bytes of the log that one disk read returns; a single larger block is still read. */
  readonly readBytesMax: number
  /** Time budget for applying commands before yielding to the event loop. */
  readonly applyTurnMs: number
  /** How long a write that is not urgent (such as a new commit index) waits for an urgent one to join. */
  readonly lazyWriteMs: number
  /** How many entries apart the state machine computes digests, if it can, to be compared between nodes. The same on every node. */
  readonly digestEntries: number
  /** A snapshot is taken after this many entries were applied since the last one … */
  readonly snapshotEntries: number
  /** … or this many blocks, of which the log keeps some bytes each in memory … */
  readonly snapshotBlocks: number
  /** … or this many bytes of commands, and `snapshotFactor` times as many as the last snapshot has. Never before as many bytes were applied as it has. */
  readonly snapshotBytes: number
  /** How many times larger than the last snapshot the log grows before the next. */
  readonly snapshotFactor: number
  /** After this many bytes of commands a snapshot is taken whatever `snapshotFactor` and `snapshotPauseFactor` say. */
  readonly snapshotBytesMax: number
  /**
   * After a snapshot the next waits this many times as long as it took, so that snapshots take a bounded share of time; 0 for no wait.
   * On a disk short of space it does not wait, and `snapshotFactor` counts as 1, but it has to fit.
   */
  readonly snapshotPauseFactor: number
  /** The minimum wait after a failed snapshot. */
  readonly snapshotRetryMs: number
  /** The wait before resuming a failed fetch of the leader's snapshot; it doubles after each attempt that got no further … */
  readonly fetchRetryMinMs: number
  /** … up to this. */
  readonly fetchRetryMaxMs: number
  /** Attempts without progress before the fetch is given up and the leader offers a snapshot again. */
  readonly fetchAttemptsMax: number
  /** The most bytes per second of all snapshots that this node sends to others, which the log and other calls need too; 0 for no limit. */
  readonly snapshotSendBytesPerSecond: number
  /**
   * While a node sends a snapshot, it slows down when the commands that it proposes take this many times as long as without, and speeds up
   * when they do not; 0 to send as fast as the connection takes the bytes.
   */
  readonly snapshotSendLatencyFactor: number
  /** It never slows down below this many bytes per second, so that the transfer ends. */
  readonly snapshotSendBytesPerSecondMin: number
  /** With less free disk space, a leader transfers leadership or rejects proposals with ERR_RAFT_NO_SPACE; 0 disables the check. */
  readonly freeBytesMin: number
  /** How often free disk space is checked. */
  readonly freeBytesCheckMs: number
  /** A leader short of disk space waits `freeBytesCheckMs` after a transfer before the next one; the wait doubles up to this. */
  readonly shortageRetryMaxMs: number
  /** How many bytes of the stored log and the newest snapshot are read again and checked per second, in the background; 0 disables the scrub. */
  readonly scrubBytesPerSecond: number
  /**
   * The pause before the first scrub and after each. By default one day: what damages stored data is rare, and a replica should be found
   * damaged long before the others are lost. Opening the storage has checked the log too.
   */
  readonly scrubIntervalMs: number
  /** Writes that take `slowDiskMs` for this long make a disk slow (alarm DISK_SLOW): a leader transfers leadership to a voter with a faster disk. */
  readonly slowDiskPeriodMs: number
  /** The wait of a leader with a slow disk after a transfer before its next one; it doubles with each … */
  readonly slowDiskRetryMinMs: number
  /** … up to this, and is `slowDiskRetryMinMs` again once this much time has passed after it. */
  readonly slowDiskRetryMaxMs: number
  /** A leader transfers leadership to a voter with a higher priority, if that is fit to lead. A preference, not a right: any voter can be elected. */
  readonly leaderPriority: number
  /** How long such a voter must have stored everything before it gets the leadership. */
  readonly leaderPriorityWaitMs: number
  /** A leader removes a voter that has not responded for this long, or exchanges it for a learner that is ready; 0 removes none. */
  readonly autopilotDeadMs: number
  /** A dead voter is removed without a replacement only if at least this many voters are left. */
  readonly autopilotVotersMin: number
  /** A read with `atLeast` is rejected at once with ERR_RAFT_LAGGING if the node has more entries than this still to apply up to that index. */
  readonly readLagEntriesMax: number
  /** Events buffered for a slow reader of `events()`; older ones are dropped and counted. */
  readonly eventBufferMax: number
  /** The newest changes that are kept in memory for the readers of `changes()`; 0 keeps none, and encodes no results for them. */
  readonly changesMax: number
  /** The most bytes of their commands and results, and 64 bytes for each. */
  readonly changeBytesMax: number
  /** The most readers of `changes()` at the same time, local and remote; further ones are rejected with ERR_RAFT_OVERLOADED. */
  readonly changeReadersMax: number
}

export const RUNTIME_DEFAULTS: RuntimeOptions = {
  ...SESSION_DEFAULTS,
  forward: true,
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
  snapshotEntries: 1_000_000,
  snapshotBlocks: 100_000,
  digestEntries: 4096,
  snapshotBytes: 64 * 1024 * 1024,
  snapshotFactor: 4,
  snapshotBytesMax: 1024 * 1024 * 1024,
  snapshotPauseFactor: 9,
  snapshotRetryMs: 10_000,
  fetchRetryMinMs: 100,
  fetchRetryMaxMs: 30_000,
  fetchAttemptsMax: 8,
  snapshotSendBytesPerSecond: 0,
  snapshotSendLatencyFactor: 2,
  snapshotSendBytesPerSecondMin: 16 * 1024 * 1024,
  freeBytesMin: 128 * 1024 * 1024,
  freeBytesCheckMs: 2000,
  shortageRetryMaxMs: 120_000,
  scrubBytesPerSecond: 1024 * 1024,
  scrubIntervalMs: 24 * 60 * 60 * 1000,
  slowDiskPeriodMs: 4000,
  slowDiskRetryMinMs: 30_000,
  slowDiskRetryMaxMs: 600_000,
  leaderPriority: 0,
  leaderPriorityWaitMs: 10_000,
  autopilotDeadMs: 0,
  autopilotVotersMin: 3,
  readLagEntriesMax: 100_000,
  eventBufferMax: 1000,
  changesMax: 10_000,
  changeBytesMax: 16 * 1024 * 1024,
  changeReadersMax: 256,
}

/** The options of every node: its identity, its state machine, and any limit or timeout that differs from the default. */
export interface NodeOptions<Command, Result, Query = never, Answer = unknown>
  extends Partial<RuntimeOptions>,
    Partial<Omit<RaftOptions, 'id'>> {
  /** 1 to 64 letters, digits, '.', '_' or '-', unique in the cluster. */
  readonly id: NodeId
  /**
   * The first members and their addresses, including this node. With an existing data directory, only its addresses count: where they
   * differ from those of the membership, both are tried, and the event `addressDiffers` says so.
   */
  readonly peers?: Readonly<Record<NodeId, string>> | undefined
  /** The id of the cluster; by default derived from `peers`. An existing data directory keeps its own. */
  readonly cluster?: string | undefined
  /** Start without a membership; the cluster adds the node with `changeMembership`. Requires `cluster`; `peers` are only addresses. */
  readonly join?: boolean | undefined
  readonly stateMachine: StateMachine<Command, Result, Query, Answer>
  /** Encodes commands, which are replicated as bytes. Default of all four codecs: JSON. */
  readonly codec?: Codec<Command> | undefined
  /** Encodes results for clients on the network. */
  readonly resultCodec?: Codec<Result> | undefined
  /** Decodes queries of clients on the network. */
  readonly queryCodec?: Codec<Query> | undefined
  /** Encodes answers to queries. */
  readonly answerCodec?: Codec<Answer> | undefined
  /**
   * What this node says of itself to the others, such as `{ http: 'https://a.example' }`: replicated as `metadata` of its member, in the status and in leader
   * hints. At most 8 texts, with at most 1,024 characters in all. A node without it has none.
   */
  readonly metadata?: MemberMetadata | undefined
  /** Called with every event, synchronously. */
  readonly observers?: readonly Observer[] | undefined
}

const DEFAULTS: typeof RAFT_DEFAULTS & typeof RUNTIME_DEFAULTS = { ...RAFT_DEFAULTS, ...RUNTIME_DEFAULTS }

export const checkNodeId: OptionCheck = (value) =>
  typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(value)
    ? undefined
    : `must be 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit, not ${formatValue(value)}`

const checkFraction: OptionCheck = (value) =>
  typeof value === 'number' && value >= 0 && value < 1
    ? undefined
    : `must be at least 0 and below 1, not ${formatValue(value)}`

export const checkPeers: OptionCheck = (value) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return `must be an object of addresses by id, not ${formatValue(value)}`
  for (const [id, address] of Object.entries(value)) {
    if (checkNodeId(id) !== undefined) return `contains the id ${formatValue(id)}, which ${checkNodeId(id)}`
    if (checkString(address) !== undefined) return `contains an address of ${id} that ${checkString(address)}`
  }
  const addresses = Object.values(value)
  const twice = addresses.find((address, offset) => addresses.indexOf(address) !== offset)
  return twice === undefined ? undefined : `contains the address ${twice} twice`
}

/** An optional method that is no function would fail at its first call, on all nodes at once. */
const checkStateMachine: OptionCheck = (value) => {
  const given = value as Record<string, unknown> | null
  const optional = ['digest', 'query', 'commandVersion'].filter((name) => given?.[name] !== undefined)
  const problem = checkMethods('apply', 'snapshot', 'restore', ...optional)(value)
  const version = given?.machineVersion ?? 1
  return (
    problem ?? (isMachineVersion(version) ? undefined : `has machineVersion ${version}, not a whole number from 1 on`)
  )
}

const checkObservers: OptionCheck = (value) => {
  if (!Array.isArray(value)) return `must be an array, not ${formatValue(value)}`
  return value.map(checkMethods('event')).find((problem) => problem !== undefined)
}

const MAY_BE_ZERO = new Set([
  'electionTimeoutLimitMs',
  'snapshotPauseFactor',
  'trailingEntries',
  'trailingBytesMax',
  'laggardBytesMax',
  'freeBytesMin',
  'scrubBytesPerSecond',
  'lazyWriteMs',
  'caughtUpEntries',
  'slowDiskMs',
  'changesMax',
  'leaderPriority',
  'snapshotSendBytesPerSecond',
  'snapshotSendLatencyFactor',
  'autopilotDeadMs',
])

const NUMBER_CHECKS: Record<string, OptionCheck> = Object.fromEntries(
  Object.entries(DEFAULTS).map(([name, fallback]) => [
    name,
    typeof fallback === 'boolean' ? checkBoolean : checkInteger(MAY_BE_ZERO.has(name) ? 0 : 1),
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
  stateMachine: checkStateMachine,
  codec: checkMethods('encode', 'decode'),
  resultCodec: checkMethods('encode', 'decode'),
  queryCodec: checkMethods('encode', 'decode'),
  answerCodec: checkMethods('encode', 'decode'),
  observers: checkObservers,
  metadata: metadataProblem,
}

/** Every problem in the options of a node: unknown names, invalid values, missing ones and conflicts. */
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
  const problems: OptionProblem[] = optionConflicts(all)
  atMost('commandBytesMax', 'blockBytesMax')
  atMost('blockBytesMax', 'uncommittedBytesMax')
  atMost('blockEntriesMax', 'uncommittedEntriesMax')
  atMost('commandBytesMax', 'pendingProposalBytesMax')
  atMost('sessionCommandsMax', 'sessionResultsMax')
  atMost('fetchRetryMinMs', 'fetchRetryMaxMs')
  atMost('slowDiskRetryMinMs', 'slowDiskRetryMaxMs')
  return problems

  function atMost(small: keyof typeof RUNTIME_DEFAULTS, large: keyof typeof all): void {
    if (Number(all[small]) > Number(all[large]))
      problems.push({ path: small, problem: `(${all[small]}) must not exceed ${large} (${all[large]})` })
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
      ? [{ path: 'cluster', problem: 'is missing: a node that joins must name its cluster' }]
      : []
  if (peers === undefined)
    return [{ path: 'peers', problem: 'is missing: list all first members, or set `join: true` to be added later' }]
  if (peers[id] === undefined)
    return [{ path: 'peers', problem: `does not contain ${id} itself, only ${Object.keys(peers).join(', ')}` }]
  return []
}

/** All limits and timeouts of a node: as given, or their default. */
export function resolveOptions(
  options: Partial<typeof DEFAULTS> & { readonly id: NodeId; readonly seed: number },
): RuntimeOptions & RaftOptions {
  return { ...withDefaults(DEFAULTS, options), id: options.id, seed: options.seed }
}

/** Those of the core, which accepts no others. */
export function raftOptionsOf(options: RaftOptions): RaftOptions {
  const { id, seed } = options
  return { ...withDefaults(RAFT_DEFAULTS, options), id, seed }
}
