/** Replays a written run: what comes of it now, and whether that is what the file says. */
import type { MachineUnderTest } from '../machine-under-test.ts'
import type { Property } from '../properties/property.ts'
import type { SimulationOptions } from '../simulate.ts'
import type { Interceptors } from '../simulation/interceptors.ts'
import type { SimulationStep, StepObserver } from '../simulation/step-observer.ts'
import type { WorldState } from '../simulation/world-state.ts'
import { fileError } from '../text/first-line.ts'
import { runToEnd } from './outcome.ts'
import type { Need, Outcome } from './run-file.ts'
import { parseRun, withOutcome } from './run-file.ts'

export interface ReplayOptions {
  /** The machine that was tried, as `machineUnderTest` makes it; a file says whether it needs one. */
  readonly machine?: MachineUnderTest | undefined
  readonly interceptors?: Interceptors | undefined
  readonly properties?: readonly Property[] | undefined
  /** Where to stop: after an event of this number, or before anything later than this time. */
  readonly until?: { readonly event: number } | { readonly ms: number } | undefined
  /** Is shown the run after every event, and may stop it. */
  readonly onStep?: StepObserver | undefined
  /** Is given every line of a recording of the run. */
  readonly record?: ((line: string) => void) | undefined
  /** Whether to write down what happens; it is, unless said otherwise. */
  readonly isTraced?: boolean | undefined
}

export interface Replay {
  /** What came of it, and the hash of the whole world where it ended or was stopped. */
  readonly outcome: Outcome
  /** What the file says; undefined if it says nothing. */
  readonly expected: Outcome | undefined
  /** Whether the two are equal; undefined if there is nothing to compare, as of a run that was stopped. */
  readonly isSame: boolean | undefined
  /** Whether it was stopped before its end. */
  readonly isStopped: boolean
  readonly failure: unknown
  readonly event: number
  readonly timeUs: number
  readonly state: WorldState
  readonly trace: string | undefined
  /** The text of the file, with what came of it now: equal to the file if nothing has changed. */
  readonly text: string
}

/**
 * ```ts
 * const text = await readFile('failed.txt', 'utf8')
 * assert.equal((await replayRun(text)).text, text)
 * ```
 */
export async function replayRun(text: string, options: ReplayOptions = {}): Promise<Replay> {
  const { run, needs, outcome: expected } = parseRun(text)
  const { machine, interceptors, properties, until, onStep, record, isTraced = true } = options
  for (const need of needs) if (options[need] === undefined) throw missingNeed(need)
  const plan: SimulationOptions = { ...run, machine, interceptors, properties, isTraced, record }
  let isStopped = false
  const { history, state, outcome } = await runToEnd(plan, async (moment) => {
    const answer = await onStep?.(moment)
    if (moment.isOver || (answer !== 'stop' && !isReached(until, moment))) return 'go on'
    isStopped = true
    return 'stop'
  })
  const isSame =
    isStopped || expected === undefined
      ? undefined
      : expected.verdict === outcome.verdict && expected.state === outcome.state
  const { failure, trace } = history
  const { event, timeUs } = state
  const now = withOutcome(text, isStopped ? expected : outcome)
  return { outcome, expected, isSame, isStopped, failure, event, timeUs, state, trace, text: now }
}

function isReached(until: ReplayOptions['until'], { event, nextUs }: SimulationStep): boolean {
  if (until === undefined) return false
  return 'event' in until ? event >= until.event : nextUs === undefined || nextUs > until.ms * 1000
}

function missingNeed(need: Need): Error {
  return fileError(
    `this run was told with ${need === 'properties' ? 'properties' : `a ${need}`} of your own, and needs it again`,
    {
      hint: `Replay it in a test that has it: replayRun(text, { ${need} }) of quorate/testing.`,
    },
  )
}
