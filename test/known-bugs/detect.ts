/** Looks for the first drawn run in which an exhibit's bug breaks a promise, and shows that the same run of healthy nodes breaks none. */
import fc from 'fast-check'
import type { RunPlan } from '../../src/testing/arbitraries/plans.ts'
import type { SimulationOptions } from '../../src/testing/simulate.ts'
import type { MutantKit } from './build-mutant.ts'
import { buildMutant } from './build-mutant.ts'
import type { KnownBug } from './known-bug.ts'
import { RUNS_MAX } from './known-bug.ts'

/** What came of a hunt. */
export interface Detection {
  readonly name: string
  /** The promise that was broken, if any was. */
  readonly detectedBy: string | undefined
  /** Runs it took, the last one being the catch. */
  readonly runs: number
  readonly ms: number
  /** What was said. */
  readonly message: string
  /** Why this is no catch after all. */
  readonly problem: string | undefined
}

/** All chance of the museum comes from this number. */
export const DETECTION_SEED = 7
/** How long faults go on in a run, in milliseconds of the world. */
const FAULTS_MS = 4000

export function drawnPlans(kit: MutantKit, count: number): RunPlan[] {
  return fc.sample(kit.runPlans({ untilMs: FAULTS_MS }), { numRuns: count, seed: DETECTION_SEED })
}

/** The nodes run as they are, without the checks of their cores: whatever is noticed, a promise has noticed. */
export const UNCHECKED_CORES = { core: (raft: never) => raft } as NonNullable<SimulationOptions['interceptors']>

/** What goes wrong in a run, if anything does. */
async function failureOf(kit: MutantKit, { overrides, customRun }: KnownBug, drawn: RunPlan): Promise<unknown> {
  if (customRun !== undefined) return customRun(kit, drawn)
  const own = overrides?.(drawn) ?? {}
  const plan = {
    healAtMs: FAULTS_MS,
    ...drawn,
    ...own,
    settings: own.settings ?? drawn.settings,
    interceptors: UNCHECKED_CORES,
  }
  return (await kit.simulate(plan)).failure
}

export async function detect(bug: KnownBug): Promise<Detection> {
  const { name, edits, runsMax = RUNS_MAX } = bug
  const began = performance.now()
  const kit = await buildMutant(name, edits)
  let runs = 0
  for (const drawn of drawnPlans(kit, runsMax)) {
    runs++
    const failure = await failureOf(kit, bug, drawn)
    if (failure === undefined) continue
    const caughtBy = failure instanceof kit.BrokenPromise ? failure.property.id : undefined
    const message = failure instanceof Error ? (failure.stack ?? failure.message) : String(failure)
    const trouble = await problemWith(bug, caughtBy, drawn)
    return { name, detectedBy: caughtBy, runs, ms: performance.now() - began, message, problem: trouble }
  }
  const trouble = `nothing was noticed in ${runsMax} runs`
  return { name, detectedBy: undefined, runs, ms: performance.now() - began, message: '', problem: trouble }
}

/** A catch counts if it is of a promise that was named, and healthy nodes keep every promise in the very same run. */
async function problemWith(bug: KnownBug, id: string | undefined, drawn: RunPlan): Promise<string | undefined> {
  if (id === undefined) return 'what was noticed is no promise'
  if (!bug.detectedBy.includes(id)) return `${id} is not one of ${bug.detectedBy.join(', ')}`
  const failure = await failureOf(await buildMutant('healthy', []), bug, drawn)
  return failure === undefined ? undefined : `healthy nodes fail in the same run: ${String(failure)}`
}
