/** Replays a run file, and compares the outcome with the one in the file. */
import type { Property } from '../properties/property.ts'
import type { SimulationOptions } from '../simulate.ts'
import type { Interceptors } from '../simulation/interceptors.ts'
import type { SimulationStep, StepObserver } from '../simulation/step-observer.ts'
import type { WorldState } from '../simulation/world-state.ts'
import type { MachineUnderTest } from '../state-machine/machine-under-test.ts'
import { fileError } from '../text/first-line.ts'
import { runToEnd } from './outcome.ts'
import type { Need, Outcome } from './run-file.ts'
import { parseRun, withOutcome } from './run-file.ts'

export interface ReplayOptions {
  /** Your state machine, from `machineUnderTest`, if the file has `needs machine`. */
  readonly machine?: MachineUnderTest | undefined
  /** Required if the file has `needs interceptors`. */
  readonly interceptors?: Interceptors | undefined
  /** Required if the file has `needs properties`. */
  readonly properties?: readonly Property[] | undefined
  /** Where to stop: after this event, or before the first event later than this time. */
  readonly until?: { readonly event: number } | { readonly ms: number } | undefined
  /** Called after every event; may stop the run. */
  readonly onStep?: StepObserver | undefined
  /** Receives every line of a recording of the run. */
  readonly record?: ((line: string) => void) | undefined
  /** Whether to write a trace; true by default. */
  readonly isTraced?: boolean | undefined
}

export interface ReplayResult {
  /** The outcome now, with the hash of the state in which the run ended or was stopped. */
  readonly outcome: Outcome
  /** The outcome in the file; undefined if it has none. */
  readonly expected: Outcome | undefined
  /** Whether both have the same result, event and state hash. Undefined if the file has no outcome or the run was stopped. */
  readonly isSame: boolean | undefined
  /** Whether the run was stopped before its end. */
  readonly isStopped: boolean
  /** The first PropertyViolation or unexpected error; undefined if the run passed. */
  readonly failure: unknown
  /** The number of events executed, and the time then. */
  readonly event: number
  readonly timeUs: number
  /** The complete state of the simulation then. */
  readonly state: WorldState
  /** One line per event; undefined if `isTraced` is false. */
  readonly trace: string | undefined
  /** The text of the file with the outcome of this replay: unchanged if `isSame`. */
  readonly text: string
  /** The end of the run, with the failure if there is one, as a self-contained page with a diagram. Undefined if `isTraced` is false. */
  readonly html: (() => Promise<string>) | undefined
}

/**
 * Replays the text of a run file. Throws ERR_RAFT_RUN_FILE if the text is invalid, or if the file needs something that `options` lacks.
 *
 * ```ts
 * const text = await readFile('failed.txt', 'utf8')
 * assert.equal((await replayRun(text)).text, text)
 * ```
 */
export async function replayRun(text: string, options: ReplayOptions = {}): Promise<ReplayResult> {
  const { run, needs, outcome: expected } = parseRun(text)
  const { machine, interceptors, properties, until, onStep, record, isTraced = true } = options
  for (const need of needs) if (options[need] === undefined) throw missingNeed(need)
  const plan: SimulationOptions = { ...run, machine, interceptors, properties, isTraced, record }
  let isStopped = false
  const { result, state, outcome } = await runToEnd(plan, async (step) => {
    const answer = await onStep?.(step)
    if (step.isOver || (answer !== 'stop' && !isReached(until, step))) return 'continue'
    isStopped = true
    return 'stop'
  })
  const isSame = isStopped || expected === undefined ? undefined : isSameOutcome(expected, outcome)
  const { failure, trace, html: page } = result
  const { event, timeUs } = state
  const now = withOutcome(text, isStopped || isSame === true ? expected : outcome)
  const html = page === undefined ? undefined : (): Promise<string> => page(now)
  return { outcome, expected, isSame, isStopped, failure, event, timeUs, state, trace, text: now, html }
}

/** Compares result, event and state, but not the explanation after the colon: a later release may word it differently. */
function isSameOutcome(one: Outcome, other: Outcome): boolean {
  const resultOf = ({ verdict }: Outcome): string => verdict.split(':', 1)[0] as string
  return resultOf(one) === resultOf(other) && one.state === other.state
}

function isReached(until: ReplayOptions['until'], { event, nextUs }: SimulationStep): boolean {
  if (until === undefined) return false
  return 'event' in until ? event >= until.event : nextUs === undefined || nextUs > until.ms * 1000
}

function missingNeed(need: Need): Error {
  return fileError(`this run used ${need === 'machine' ? 'a machine' : need} of your own, and needs the same again`, {
    hint: `Replay it in a test: replayRun(text, { ${need} }) from quorate/testing.`,
  })
}
