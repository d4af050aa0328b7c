/** The error of a caller's mistake, and the checks of what a caller passes in. */
import type { Input } from './inputs.ts'
import { membershipProblem } from './membership/membership.ts'
import { optionProblems, type RaftOptions } from './options.ts'
import type { InitialState, RaftState } from './state.ts'
import type { Instant, LogIndex } from './types.ts'

/**
 * A mistake of the caller: invalid options or initial state, or an input that cannot have happened. It is thrown before anything changes:
 * the node is as before the call, and its next step may follow. It has the fields of a `RaftError`, and `isRaftError` recognizes it.
 */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly code: 'ERR_RAFT_OPTIONS' | 'ERR_RAFT_USAGE'
  readonly outcome = 'not-applied'
  readonly retryable = false
  readonly leader: undefined
  /** What the caller can do, in one sentence. */
  readonly hint: string
  readonly details: Readonly<Record<string, never>> = {}

  constructor(code: UsageError['code'], message: string, hint: string) {
    super(message)
    this.code = code
    this.hint = hint
    Object.defineProperty(this, Symbol.for('quorate.RaftError'), { value: true })
  }
}

export function checkOptions(options: RaftOptions): void {
  const problems = optionProblems(options)
  if (problems.length === 0) return
  const lines = problems.map(({ path, problem }) => `${path} ${problem}`)
  const hint = 'fix all of them (every problem is listed); RAFT_DEFAULTS has all options but id and seed'
  throw new UsageError('ERR_RAFT_OPTIONS', `invalid options: ${lines.join('; ')}`, hint)
}

export function checkInitialState(initial: InitialState): void {
  const problem = initialStateProblem(initial)
  if (problem === undefined) return
  const hint = 'pass what the effects asked to write: all blocks in order, the newest snapshot and the last hard state'
  throw misuse(`the initial state is invalid: ${problem}`, hint)
}

function initialStateProblem({ hardState, snapshot, blocks, initialMembership }: InitialState): string | undefined {
  for (const name of ['term', 'commitIndex'] as const)
    if (!isIndex(hardState[name])) return `hardState.${name} is ${hardState[name]}, not a whole number of at least 0`
  const { term } = hardState
  const snapshotIndex = snapshot?.index ?? 0
  let next = blocks[0]?.first ?? snapshotIndex + 1
  if (next > snapshotIndex + 1) return `the log starts at ${next}, and the snapshot ends at ${snapshotIndex}`
  let last = 0
  for (const { first, count, term: ofBlock } of blocks) {
    if (first !== next) return `a block starts at ${first}, where the log continues at ${next}`
    if (!isIndex(count - 1)) return `the block at ${first} has ${count} entries`
    if (!(ofBlock >= last)) return `the term of the block at ${first} is ${ofBlock}, after ${last}`
    next += count
    last = ofBlock
  }
  if (next <= snapshotIndex) return `the log ends at ${next - 1}, before the end of the snapshot at ${snapshotIndex}`
  const newest = Math.max(last, snapshot?.term ?? 0)
  if (newest > term) return `hardState.term is ${term}, and the log has entries of term ${newest}`
  const problem = membershipProblem(initialMembership)
  return problem === undefined ? undefined : `initialMembership: ${problem}`
}

/** Whether this is a safe integer of at least 0. */
function isIndex(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

export function checkTime(now: Instant, before: Instant): void {
  if (now >= before && now < Infinity) return
  const hint =
    'pass monotonic milliseconds, such as performance.now(), and the same clock to the constructor and every step'
  throw misuse(`the time of the step is ${now}, and that of the step before was ${before}`, hint)
}

/** Runs before the first input is processed, so that a step either happens whole or not at all. */
export function checkInputs(state: RaftState, inputs: readonly Input[]): void {
  for (const input of inputs) {
    switch (input.type) {
      case 'propose':
        if (!isIndex(input.count - 1) || !isIndex(input.size))
          throw misuse(
            `a proposal has ${input.count} commands of ${input.size} bytes`,
            'propose at least one command, and pass the size of the encoded block',
          )
        break
      case 'persisted':
        if (!(input.number <= state.pendingWrites.lastNumber))
          throw misuse(
            `write ${input.number} was reported as durable, and the last one requested is ${state.pendingWrites.lastNumber}`,
            'pass the number of a `persist` effect once it is durable',
          )
        break
      case 'receive':
      case 'timeout':
        break
      case 'applied':
        checkApplied(state, input.index)
        break
      case 'snapshotTaken':
        checkApplied(state, input.snapshot.index)
        break
      default:
        if (!INPUT_TYPES.has(input.type))
          throw misuse(`there is no input of type ${JSON.stringify(input.type)}`, 'see the type Input')
    }
  }
}

function checkApplied({ log }: RaftState, index: LogIndex): void {
  if (index <= log.applyingIndex) return
  throw misuse(
    `the entries up to ${index} were reported as applied, and \`apply\` effects have contained those up to ${log.applyingIndex}`,
    'apply what an `apply` effect contains, in the order of the effects, then report it',
  )
}

export function misuse(message: string, hint: string): UsageError {
  return new UsageError('ERR_RAFT_USAGE', message, hint)
}

const INPUT_TYPES: ReadonlySet<string> = new Set(
  Object.keys({
    timeout: true,
    receive: true,
    propose: true,
    read: true,
    changeMembership: true,
    transfer: true,
    persisted: true,
    storageFailed: true,
    applied: true,
    digested: true,
    spaceChecked: true,
    diskTimed: true,
    snapshotTaken: true,
    snapshotFetched: true,
    snapshotFetchStalled: true,
    snapshotFetchFailed: true,
    snapshotFetchesCounted: true,
    peerSeen: true,
    peerPlace: true,
    peerLost: true,
  } satisfies Record<Input['type'], true>),
)
