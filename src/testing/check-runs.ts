/** Many runs by chance: drawn by fast-check, judged, and on failure shrunk to a small story. */
import { fc } from './arbitraries/fast-check.ts'
import type { RunPlan } from './arbitraries/plans.ts'
import { runPlans } from './arbitraries/plans.ts'
import { reportOf } from './report.ts'
import { shrinkRun } from './run-files/shrink-run.ts'
import type { History, SimulationOptions } from './simulate.ts'
import { simulate } from './simulate.ts'
import type { FaultPlan } from './simulation/faults.ts'

export interface CheckOptions {
  readonly runs: number
  /** Of the drawing; the seeds of the runs are drawn from it. */
  readonly seed: number
  /** Goes straight to a failure that was shrunk before. */
  readonly path?: string | undefined
  /** How long faults go on, in milliseconds of the world. */
  readonly faultsMs?: number | undefined
  /** What every run has beside what is drawn. */
  readonly fixed?: Partial<SimulationOptions> | undefined
  /** How many smaller runs are drawn to tell a failure as a shorter story, and how many more with a fault or a call left out. */
  readonly shrinksMax?: number | undefined
  /** Where a run that failed is written; `quorate-runs` in the system's temporary directory, unless said otherwise. */
  readonly directory?: string | undefined
  /** How to say "run it again", given the seed and the path. */
  readonly replay?: ((seed: number, path: string) => string) | undefined
  /** How to say "replay what was written", where that takes what a file cannot hold. */
  readonly replayFile?: string | undefined
}

/** What all runs together came to. */
export interface Totals {
  runs: number
  events: number
  steps: number
  calls: number
  commits: number
  /** How often each event was told. */
  readonly eventCounts: Map<string, number>
  /** How many faults of each type were planned. */
  readonly faults: Map<string, number>
}

const FAULTS_MS = 4000
const SHRINKS_MAX = 200

/** Runs, and throws an error that tells the whole story if a promise was broken. Resolves with what was seen. */
export async function checkRuns(options: CheckOptions): Promise<Totals> {
  const { runs, seed, path, faultsMs = FAULTS_MS, fixed = {}, shrinksMax = SHRINKS_MAX } = options
  const { replay = (failedSeed, failedPath) => `make simulate SEED=${failedSeed} REPLAY=${failedPath}` } = options
  const totals: Totals = {
    runs: 0,
    events: 0,
    steps: 0,
    calls: 0,
    commits: 0,
    eventCounts: new Map(),
    faults: new Map(),
  }
  let shrinks = 0
  let hasFailed = false
  const property = fc.asyncProperty(runPlans({ untilMs: faultsMs }), async (plan) => {
    if (hasFailed && ++shrinks > shrinksMax) return
    const history = await simulate({ healAtMs: faultsMs, ...merged(plan, fixed) })
    add(totals, history, plan.faults)
    hasFailed ||= history.failure !== undefined
    if (history.failure !== undefined) throw history.failure
  })
  const details = await fc.check(property, { numRuns: runs, seed, ...(path === undefined ? {} : { path }) })
  if (!details.failed || details.counterexample === null) return totals
  const plan = await shrinkRun({ healAtMs: faultsMs, ...merged(details.counterexample[0], fixed) }, shrinksMax)
  const { directory, replayFile } = options
  const replayCommand = replay(details.seed, details.counterexamplePath ?? '')
  throw new Error(await reportOf(plan, { replay: replayCommand, directory, replayFile }))
}

function merged(plan: RunPlan, fixed: Partial<SimulationOptions>): SimulationOptions {
  return { ...plan, ...fixed, settings: { ...plan.settings, ...fixed.settings } }
}

function add(totals: Totals, history: History, faults: FaultPlan): void {
  totals.runs++
  totals.events += history.events
  totals.steps += history.steps
  totals.calls += history.calls
  totals.commits += history.commitIndex
  for (const [type, count] of history.eventCounts)
    totals.eventCounts.set(type, (totals.eventCounts.get(type) ?? 0) + count)
  for (const { type } of faults) totals.faults.set(type, (totals.faults.get(type) ?? 0) + 1)
}
