/** Runs what a file tells, and says in the words of the file what came of it. */
import { PropertyViolation } from '../properties/property.ts'
import type { History, SimulationOptions } from '../simulate.ts'
import { CLUSTER, HEAL_AT_MS, simulate } from '../simulate.ts'
import type { StepObserver } from '../simulation/step-observer.ts'
import type { WorldState } from '../simulation/world-state.ts'
import { hashOf } from '../simulation/world-state.ts'
import type { Need, Outcome, RunSpec } from './run-file.ts'

/** A run, and how the world stood when it ended or was stopped. */
export interface FinishedRun {
  readonly history: History
  readonly state: WorldState
  readonly outcome: Outcome
}

/** Runs it, watching where it ends; an onlooker may end it sooner. */
export async function runToEnd(options: SimulationOptions, onStep?: StepObserver): Promise<FinishedRun> {
  let last: WorldState | undefined
  const history = await simulate({
    ...options,
    onStep: async (moment) => {
      const answer = await onStep?.(moment)
      if (moment.isOver) last = await moment.state()
      return answer ?? 'go on'
    },
  })
  const state = last as WorldState
  return { history, state, outcome: { verdict: verdictOf(history), state: hashOf(state) } }
}

/** A run as a file holds it: in the order of time, with everything said that was left to the defaults. */
export function runSpecOf(options: SimulationOptions): RunSpec {
  const { seed, cluster = CLUSTER, settings = {}, healAtMs = HEAL_AT_MS, workload, faults } = options
  return { seed, cluster, settings, healAtMs, workload: workload.toSorted(byTime), faults: faults.toSorted(byTime) }
}

/** What of a run no file can hold. */
export function needsOf({ machine, interceptors, properties }: SimulationOptions): Need[] {
  const given = { machine, interceptors, properties }
  return (Object.keys(given) as Need[]).filter((need) => given[need] !== undefined)
}

/** Of two runs that fail by the same name, one is a story of the other. */
export function failureName(failure: unknown): string {
  if (failure instanceof PropertyViolation) return failure.property.id
  if (!(failure instanceof Error)) return 'something'
  return 'code' in failure ? String(failure.code) : failure.name
}

/** In one line, the number of the event included. */
function verdictOf({ failure, events }: History): string {
  if (failure === undefined) return `kept until event ${events}`
  if (failure instanceof PropertyViolation) {
    const { id, promise } = failure.property
    return firstLine(`broken ${id} at event ${events}: ${promise} But ${failure.detail}`)
  }
  const words = failure instanceof Error ? `${failure.name}: ${failure.message}` : String(failure)
  return firstLine(`failed at event ${events}: ${words}`)
}

function byTime(one: { readonly atMs: number }, other: { readonly atMs: number }): number {
  return one.atMs - other.atMs
}

/** A stack below it names places in the sources, which may move while the run stays the same. */
function firstLine(text: string): string {
  return (text.split('\n', 1)[0] as string).trimEnd()
}
