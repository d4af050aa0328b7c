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

export function plansFor(kit: MuseumKit, count: number): RunPlan[] {
  return fc.sample(kit.runPlans({ untilMs: FAULTS_MS }), { numRuns: count, seed: MUSEUM_SEED })
}

/** The nodes run as they are, without the checks of their cores: whatever is noticed, a promise has noticed. */
export const PLAIN = { core: (raft: never) => raft } as NonNullable<SimulationOptions['interceptors']>

/** What goes wrong in a run, if anything does. */
async function failureOf(kit: MuseumKit, { set, story }: Exhibit, drawn: RunPlan): Promise<unknown> {
  if (story !== undefined) return story(kit, drawn)
  const own = set?.(drawn) ?? {}
  const plan = { healAtMs: FAULTS_MS, ...drawn, ...own, settings: own.settings ?? drawn.settings, interceptors: PLAIN }
  return (await kit.simulate(plan)).failure
}

export async function hunt(exhibit: Exhibit): Promise<Catch> {
  const { name, edits, seedsMax = SEEDS_MAX } = exhibit
  const began = performance.now()
  const kit = await forge(name, edits)
  let seeds = 0
  for (const drawn of plansFor(kit, seedsMax)) {
    seeds++
    const failure = await failureOf(kit, exhibit, drawn)
    if (failure === undefined) continue
    const caughtBy = failure instanceof kit.BrokenPromise ? failure.property.id : undefined
    const message = failure instanceof Error ? (failure.stack ?? failure.message) : String(failure)
    const trouble = await troubleWith(exhibit, caughtBy, drawn)
    return { name, caughtBy, seeds, ms: performance.now() - began, message, trouble }
  }
  const trouble = `nothing was noticed in ${seedsMax} runs`
  return { name, caughtBy: undefined, seeds, ms: performance.now() - began, message: '', trouble }
}

/** A catch counts if it is of a promise that was named, and healthy nodes keep every promise in the very same run. */
async function troubleWith(exhibit: Exhibit, id: string | undefined, drawn: RunPlan): Promise<string | undefined> {
  if (id === undefined) return 'what was noticed is no promise'
  if (!exhibit.caughtBy.includes(id)) return `${id} is not one of ${exhibit.caughtBy.join(', ')}`
  const failure = await failureOf(await forge('healthy', []), exhibit, drawn)
  return failure === undefined ? undefined : `healthy nodes fail in the same run: ${String(failure)}`
}
