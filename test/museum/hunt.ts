/** Looks for the first drawn run in which an exhibit's bug breaks a promise, and shows that the same run of healthy nodes breaks none. */
import fc from 'fast-check'
import type { RunPlan } from '../../src/testing/arbitraries/plans.ts'
import type { SimulationOptions } from '../../src/testing/simulate.ts'
import type { Exhibit } from './exhibit.ts'
import { SEEDS_MAX } from './exhibit.ts'
import type { MuseumKit } from './forge.ts'
import { forge } from './forge.ts'

/** What came of a hunt. */
export interface Catch {
  readonly name: string
  /** The promise that was broken, if any was. */
  readonly caughtBy: string | undefined
  /** Runs it took, the last one being the catch. */
  readonly seeds: number
  readonly ms: number
  /** What was said. */
  readonly message: string
  /** Why this is no catch after all. */
  readonly trouble: string | undefined
}

/** All chance of the museum comes from this number. */
export const MUSEUM_SEED = 7
/** How long faults go on in a run, in milliseconds of the world. */
const FAULTS_MS = 4000

export function plansFor(kit: MuseumKit, exhibit: Exhibit, count: number): SimulationOptions[] {
  return fc
    .sample(kit.runPlans({ untilMs: FAULTS_MS }), { numRuns: count, seed: MUSEUM_SEED })
    .map((drawn) => planOf(exhibit, drawn))
}

function planOf(exhibit: Exhibit, drawn: RunPlan): SimulationOptions {
  const own = exhibit.set?.(drawn) ?? {}
  return { healAtMs: FAULTS_MS, ...drawn, ...own, settings: own.settings ?? drawn.settings }
}

/** The nodes run as they are, without the checks of their cores: whatever is noticed, a promise has noticed. */
const PLAIN = { core: (raft: never) => raft } as NonNullable<SimulationOptions['tampering']>

export async function hunt(exhibit: Exhibit): Promise<Catch> {
  const { name, edits, caughtBy, seedsMax = SEEDS_MAX } = exhibit
  const began = performance.now()
  const kit = await forge(name, edits)
  let seeds = 0
  for (const plan of plansFor(kit, exhibit, seedsMax)) {
    seeds++
    const { failure } = await kit.simulate({ ...plan, tampering: PLAIN })
    if (failure === undefined) continue
    const isPromise = failure instanceof kit.BrokenPromise
    const id = isPromise ? failure.property.id : undefined
    const message = isPromise ? failure.message : String((failure as Error).stack ?? failure)
    const trouble = await troubleWith({ id, caughtBy, plan })
    return { name, caughtBy: id, seeds, ms: performance.now() - began, message, trouble }
  }
  const trouble = `nothing was noticed in ${seedsMax} runs`
  return { name, caughtBy: undefined, seeds, ms: performance.now() - began, message: '', trouble }
}

interface Claim {
  readonly id: string | undefined
  readonly caughtBy: readonly string[]
  readonly plan: SimulationOptions
}

/** A catch counts if it is of a promise that was named, and healthy nodes keep every promise in the very same run. */
async function troubleWith({ id, caughtBy, plan }: Claim): Promise<string | undefined> {
  if (id === undefined) return 'what was noticed is no promise'
  if (!caughtBy.includes(id)) return `${id} is not one of ${caughtBy.join(', ')}`
  const healthy = await forge('healthy', [])
  const { failure } = await healthy.simulate({ ...plan, tampering: PLAIN })
  return failure === undefined ? undefined : `healthy nodes fail in the same run: ${String(failure)}`
}
