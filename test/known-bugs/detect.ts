/** Finds the first generated run in which a known bug violates a property, and checks that correct nodes satisfy every property in that run. */
import fc from 'fast-check'
import type { RunPlan } from '../../src/testing/arbitraries/plans.ts'
import type { SimulationOptions } from '../../src/testing/simulate.ts'
import type { MutantKit } from './build-mutant.ts'
import { buildMutant } from './build-mutant.ts'
import type { KnownBug } from './known-bug.ts'
import { RUNS_MAX } from './known-bug.ts'

export interface Detection {
  readonly name: string
  /** The id of the first violated property; undefined if there was none. */
  readonly detectedBy: string | undefined
  /** The number of runs up to and including the one that shows the bug. */
  readonly runs: number
  readonly ms: number
  /** The failure, with its stack. */
  readonly message: string
  /** Why the bug does not count as detected; undefined if it does. */
  readonly problem: string | undefined
}

/** All runs are generated from this seed. */
const SEED = 7
/** How long a run injects faults, in simulated milliseconds. */
const FAULTS_MS = 4000

/** Removes the invariant checks around the cores, so that only a property can detect the bug. */
export const UNCHECKED_CORES = { core: (raft: never) => raft } as NonNullable<SimulationOptions['interceptors']>

export async function detect(bug: KnownBug): Promise<Detection> {
  const { name, edits, runsMax = RUNS_MAX } = bug
  const startedAt = performance.now()
  const mutant = await buildMutant(name, edits)
  let runs = 0
  for (const plan of generatedPlans(mutant, runsMax)) {
    runs++
    const failure = await failureOf(mutant, bug, plan)
    if (failure === undefined) continue
    const detectedBy = failure instanceof mutant.PropertyViolation ? failure.property.id : undefined
    const message = failure instanceof Error ? (failure.stack ?? failure.message) : String(failure)
    const problem = await problemWith(bug, detectedBy, plan)
    return { name, detectedBy, runs, ms: performance.now() - startedAt, message, problem }
  }
  const problem = `no property was violated in ${runsMax} runs`
  return { name, detectedBy: undefined, runs, ms: performance.now() - startedAt, message: '', problem }
}

function generatedPlans({ runPlans }: MutantKit, count: number): RunPlan[] {
  return fc.sample(runPlans({ untilMs: FAULTS_MS }), { numRuns: count, seed: SEED })
}

async function failureOf(kit: MutantKit, { overrides, customRun }: KnownBug, plan: RunPlan): Promise<unknown> {
  if (customRun !== undefined) return customRun(kit, plan)
  const changes = overrides?.(plan) ?? {}
  const options = {
    healAtMs: FAULTS_MS,
    ...plan,
    ...changes,
    settings: { ...(changes.settings ?? plan.settings), ...scrubOf(plan) },
    interceptors: UNCHECKED_CORES,
  }
  return (await kit.simulate(options)).failure
}

/** A changed command on a disk is noticed only by a node that scrubs, so these settings belong to the faults. */
function scrubOf({ settings: { scrubBytesPerSecond, scrubIntervalMs } }: RunPlan): Partial<RunPlan['settings']> {
  if (scrubBytesPerSecond === undefined || scrubIntervalMs === undefined) return {}
  return { scrubBytesPerSecond, scrubIntervalMs }
}

async function problemWith(bug: KnownBug, id: string | undefined, plan: RunPlan): Promise<string | undefined> {
  if (id === undefined) return 'the run failed without violating a property'
  if (!bug.detectedBy.includes(id))
    return `the first violated property is ${id}, not one of ${bug.detectedBy.join(', ')}`
  const failure = await failureOf(await buildMutant('correct', []), bug, plan)
  return failure === undefined ? undefined : `correct nodes fail in the same run: ${String(failure)}`
}
