/** The options of the core and their defaults. */
import type { NodeId } from './types.ts'

/** Durations are in milliseconds, sizes in bytes. `docs/reference/limits.md` lists the limits. */
export interface RaftOptions {
  readonly id: NodeId
  /** Seed of the random election timeouts. The same seed and inputs give the same effects. */
  readonly seed: number
  /**
   * The shortest election timeout. Timeouts are drawn at random from [min, max) (§5.2). The first three of a new node with `preVote` are an eighth, a
   * quarter and a half as long: a new cluster has no leader to wait for.
   */
  readonly electionTimeoutMinMs: number
  /** The upper bound of election timeouts. */
  readonly electionTimeoutMaxMs: number
  /**
   * A follower whose leader's messages recently came at longer intervals than these timeouts allow for waits longer before it campaigns, up to this:
   * at least twice the longest interval. 0 disables it.
   */
  readonly electionTimeoutLimitMs: number
  /** How often a leader sends heartbeats. */
  readonly heartbeatIntervalMs: number
  /**
   * Run a pre-vote before each election, so that a node that cannot win does not raise the term (thesis §9.6). Without it voters still ignore
   * candidates within `electionTimeoutMinMs` of contact with a leader (thesis §4.2.3): no option switches that off.
   */
  readonly preVote: boolean
  /**
   * A leader without responses from a quorum for an election timeout steps down (thesis §6.2). Without it the leader itself follows every
   * candidate with a higher term, but voters in contact with it still ignore candidates.
   */
  readonly checkQuorum: boolean
  /** Allow reads of mode 'lease' (thesis §6.4.1). Requires `checkQuorum`, and clocks that obey `clockDriftMax`, on every node. */
  readonly leaseReads: boolean
  /** The largest difference in rate between the clocks of two nodes, as a fraction: 0.1 is 10 %. */
  readonly clockDriftMax: number
  /** A step this much later than the requested `wakeAt` means that this node was paused, unless every recent one was: then its clock is coarse. */
  readonly pauseToleranceMs: number
  /** A leader whose oldest pending write is this old steps down. A node with such a write does not campaign. A membership change that waits this long for entries of the leader itself is rejected. */
  readonly storageStallMs: number
  /** How long a follower waits for the leader's ReadIndexResponse. */
  readonly readTimeoutMs: number
  /** Maximum bytes of blocks in one AppendEntries. A single larger block is still sent, alone. */
  readonly messageBytesMax: number
  /** Maximum AppendEntries in flight to one follower. */
  readonly inflightMessagesMax: number
  /** Maximum bytes in flight to one follower. */
  readonly inflightBytesMax: number
  /** Maximum bytes appended but not yet committed; further proposals are rejected as overloaded. */
  readonly uncommittedBytesMax: number
  /** Maximum entries appended but not yet committed; further proposals are rejected as overloaded. */
  readonly uncommittedEntriesMax: number
  /** Maximum reads waiting for the leader's confirmation, and of those waiting for an index to be applied; further reads are rejected as overloaded. */
  readonly pendingReadsMax: number
  /** Maximum blocks of proposals that a follower has forwarded and the leader has not answered; further proposals wait until their deadline. */
  readonly forwardedProposalsMax: number
  /** Maximum bytes of such blocks. A single larger one is still forwarded, alone. */
  readonly forwardedBytesMax: number
  /** Entries kept in the log before the snapshot index, so that a slightly lagging follower needs no snapshot. */
  readonly trailingEntries: number
  /** Maximum bytes of the log kept before the snapshot index. */
  readonly trailingBytesMax: number
  /** Maximum bytes of log kept for a responding follower that still needs it, beyond the trailing entries. */
  readonly laggardBytesMax: number
  /** A leader lets a member that needs a snapshot fetch it from a follower that has one and that no quorum depends on; without such a follower, or if that fails, from itself. */
  readonly snapshotsFromFollowers: boolean
  /**
   * A node that lacks at most this many entries, and has at most this many committed ones still to apply, may be promoted or take over; or at most
   * as many as the leader appended in the last one to two heartbeat intervals, if that is more.
   */
  readonly caughtUpEntries: number
  /** A durable write that takes this long is slow. A leader with a slow disk transfers leadership to a faster voter, and a slow voter gets it only by force; 0 disables both. */
  readonly slowDiskMs: number
  /** A disk is slow only compared with one that is this many times as fast: if all are slow, leadership stays. */
  readonly slowDiskFactor: number
}

/** The defaults of all options but `id` and `seed`. */
export const RAFT_DEFAULTS: Readonly<Omit<RaftOptions, 'id' | 'seed'>> = {
  electionTimeoutMinMs: 750,
  electionTimeoutMaxMs: 1500,
  electionTimeoutLimitMs: 0,
  heartbeatIntervalMs: 100,
  preVote: true,
  checkQuorum: true,
  leaseReads: false,
  clockDriftMax: 0.1,
  pauseToleranceMs: 250,
  storageStallMs: 5000,
  readTimeoutMs: 2000,
  messageBytesMax: 1024 * 1024,
  inflightMessagesMax: 16,
  inflightBytesMax: 8 * 1024 * 1024,
  uncommittedBytesMax: 64 * 1024 * 1024,
  uncommittedEntriesMax: 100_000,
  pendingReadsMax: 10_000,
  forwardedProposalsMax: 1000,
  forwardedBytesMax: 4 * 1024 * 1024,
  trailingEntries: 10_000,
  trailingBytesMax: 16 * 1024 * 1024,
  laggardBytesMax: 256 * 1024 * 1024,
  snapshotsFromFollowers: false,
  caughtUpEntries: 1000,
  slowDiskMs: 200,
  slowDiskFactor: 8,
}

const MAY_BE_ZERO: ReadonlySet<string> = new Set([
  'electionTimeoutLimitMs',
  'clockDriftMax',
  'trailingEntries',
  'trailingBytesMax',
  'laggardBytesMax',
  'caughtUpEntries',
  'slowDiskMs',
])

/** One mistake in the options, and where it is. */
interface OptionProblem {
  readonly path: string
  readonly problem: string
}

/** Every mistake in the options: unknown names, missing and invalid values, conflicts. */
export function optionProblems(options: RaftOptions): OptionProblem[] {
  const problems: OptionProblem[] = []
  for (const [path, fallback] of Object.entries({ id: '', seed: 0, ...RAFT_DEFAULTS })) {
    const value: unknown = options[path as keyof RaftOptions]
    const problem = valueProblem(path, value, fallback)
    if (problem !== undefined)
      problems.push({ path, problem: value === undefined ? 'is missing' : `${problem}, not ${format(value)}` })
  }
  for (const path of Object.keys(options))
    if (path !== 'id' && path !== 'seed' && !Object.hasOwn(RAFT_DEFAULTS, path))
      problems.push({ path, problem: 'is not an option' })
  return problems.length > 0 ? problems : optionConflicts(options)
}

function valueProblem(path: string, value: unknown, fallback: unknown): string | undefined {
  if (typeof fallback === 'string')
    return typeof value === 'string' && value !== '' ? undefined : 'must be a non-empty string'
  if (typeof fallback === 'boolean') return typeof value === 'boolean' ? undefined : 'must be true or false'
  if (path === 'clockDriftMax')
    return typeof value === 'number' && value >= 0 && value < 1 ? undefined : 'must be at least 0 and below 1'
  const min = path === 'seed' || MAY_BE_ZERO.has(path) ? 0 : 1
  return Number.isSafeInteger(value) && (value as number) >= min
    ? undefined
    : `must be a whole number of at least ${min}`
}

function format(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value)
}

/** Valid values that contradict each other. */
export function optionConflicts(options: Omit<RaftOptions, 'id' | 'seed'>): OptionProblem[] {
  const { electionTimeoutMinMs: min, electionTimeoutMaxMs: max, heartbeatIntervalMs: heartbeat } = options
  const path = 'electionTimeoutMinMs'
  const problems: OptionProblem[] = []
  if (min >= max) problems.push({ path, problem: `(${min}) must be below electionTimeoutMaxMs (${max})` })
  const { electionTimeoutLimitMs: limit } = options
  if (limit !== 0 && limit <= max)
    problems.push({
      path: 'electionTimeoutLimitMs',
      problem: `(${limit}) must be above electionTimeoutMaxMs (${max}), or 0`,
    })
  if (min < 3 * heartbeat)
    problems.push({ path, problem: `(${min}) must be at least 3 x heartbeatIntervalMs (${heartbeat})` })
  if (options.leaseReads && !options.checkQuorum)
    problems.push({ path: 'leaseReads', problem: 'requires checkQuorum, which a lease depends on' })
  return problems
}
