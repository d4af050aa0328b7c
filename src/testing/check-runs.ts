/** Checks many random runs, drawn by fast-check; a failed run is shrunk and reported. */
import { fc } from './arbitraries/fast-check.ts'
import type { RunPlan } from './arbitraries/plans.ts'
import { runPlans } from './arbitraries/plans.ts'
import { reportOf } from './report.ts'
import { shrinkRun } from './run-files/shrink-run.ts'
import type { SimulationOptions, SimulationResult } from './simulate.ts'
import { simulate } from './simulate.ts'
import type { FaultPlan } from './simulation/faults.ts'

export interface CheckRunsOptions {
  /** The number of random runs. */
  readonly runs: number
  /** Seed of the generator, from which the plans and the seeds of the runs are drawn. */
  readonly seed: number
  /** Starts at a failure that was shrunk before; the report of the failure contains it. */
  readonly path?: string | undefined
  /** When the faults end, in simulated milliseconds; 4000 by default. */
  readonly faultsMs?: number | undefined
  /** Options of every run; they override what is drawn. */
  readonly fixed?: Partial<SimulationOptions> | undefined
  /** Maximum number of runs that fast-check spends on shrinking a failure, and again on leaving out calls and faults; 200 by default. */
  readonly shrinksMax?: number | undefined
  /** Directory for run files of failed runs; `quorate-runs` in the system's temporary directory by default. */
  readonly directory?: string | undefined
  /** Returns the command that repeats the failure, for the report. */
  readonly replay?: ((seed: number, path: string) => string) | undefined
  /** The call that replays the run file, for the report, if the run needs code that a file cannot hold. */
  readonly replayFile?: string | undefined
}

/** Sums over all runs. */
export interface CheckRunsTotals {
  runs: number
  events: number
  steps: number
  calls: number
  commits: number
  /** How often the cores reported each event. */
  readonly eventCounts: Map<string, number>
  /** The number of planned faults of each type. */
  readonly faults: Map<string, number>
}

const FAULTS_MS = 4000
const SHRINKS_MAX = 200

/**
 * Runs random plans and checks the properties. Rejects at the first failure, with an Error whose message contains the violation, the
 * shrunk plan, the end of the trace, the path of the run file and the command that repeats it.
 */
export async function checkRuns(options: CheckRunsOptions): Promise<CheckRunsTotals> {
  const { runs, seed, path, faultsMs = FAULTS_MS, fixed = {}, shrinksMax = SHRINKS_MAX } = options
  const { replay = (failedSeed, failedPath) => `make simulate SEED=${failedSeed} REPLAY=${failedPath}` } = options
  const totals: CheckRunsTotals = {
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

function add(totals: CheckRunsTotals, history: SimulationResult, faults: FaultPlan): void {
  totals.runs++
  totals.events += history.events
  totals.steps += history.steps
  totals.calls += history.calls
  totals.commits += history.commitIndex
  for (const [type, count] of history.eventCounts)
    totals.eventCounts.set(type, (totals.eventCounts.get(type) ?? 0) + count)
  for (const { type } of faults) totals.faults.set(type, (totals.faults.get(type) ?? 0) + 1)
}
