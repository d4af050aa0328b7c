/** Runs a plan and computes its outcome as a run file states it. */
import { PropertyViolation } from '../properties/property.ts'
import type { SimulationOptions, SimulationResult } from '../simulate.ts'
import { CLUSTER, HEAL_AT_MS, simulate } from '../simulate.ts'
import type { StepObserver } from '../simulation/step-observer.ts'
import type { WorldState } from '../simulation/world-state.ts'
import { hashOf } from '../simulation/world-state.ts'
import type { Need, Outcome, RunSpec } from './run-file.ts'

/** A run with the state in which it ended or was stopped. */
export interface FinishedRun {
  readonly result: SimulationResult
  readonly state: WorldState
  readonly outcome: Outcome
}

/** Runs a plan to its end, or until `onStep` stops it. */
export async function runToEnd(options: SimulationOptions, onStep?: StepObserver): Promise<FinishedRun> {
  let last: WorldState | undefined
  const result = await simulate({
    ...options,
    onStep: async (step) => {
      const answer = await onStep?.(step)
      if (step.isOver) last = await step.state()
      return answer ?? 'continue'
    },
  })
  const state = last as WorldState
  return { result, state, outcome: { verdict: verdictOf(result), state: hashOf(state) } }
}

/** The plan as a run file holds it: in time order, with all defaults filled in. */
export function runSpecOf(options: SimulationOptions): RunSpec {
  const { seed, cluster = CLUSTER, settings = {}, healAtMs = HEAL_AT_MS, workload, faults } = options
  return { seed, cluster, settings, healAtMs, workload: workload.toSorted(byTime), faults: faults.toSorted(byTime) }
}

/** The parts of a run that a file cannot hold. */
export function needsOf({ machine, interceptors, properties }: SimulationOptions): Need[] {
  const given = { machine, interceptors, properties }
  return (Object.keys(given) as Need[]).filter((need) => given[need] !== undefined)
}

/** The property id, error code or error name. A shrunk run must fail under the same name. */
export function failureName(failure: unknown): string {
  if (failure instanceof PropertyViolation) return failure.property.id
  if (!(failure instanceof Error)) return 'something'
  return 'code' in failure ? String(failure.code) : failure.name
}

/** The outcome in one line, with the event number. */
function verdictOf({ failure, events }: SimulationResult): string {
  if (failure === undefined) return `kept until event ${events}`
  if (failure instanceof PropertyViolation) {
    const { id, statement } = failure.property
    return firstLine(`broken ${id} at event ${events}: ${statement} Violated by: ${failure.detail}`)
  }
  const words = failure instanceof Error ? `${failure.name}: ${failure.message}` : String(failure)
  return firstLine(`failed at event ${events}: ${words}`)
}

function byTime(one: { readonly atMs: number }, other: { readonly atMs: number }): number {
  return one.atMs - other.atMs
}

/** Leaves out a stack trace, because source positions may change while the run stays the same. */
function firstLine(text: string): string {
  return (text.split('\n', 1)[0] as string).trimEnd()
}
