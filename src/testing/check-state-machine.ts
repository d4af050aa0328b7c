/** Checks a user's state machine: determinism, snapshots and restore, queries, and its behaviour in clusters under faults. */
import type { Arbitrary } from 'fast-check'
import type { StateMachine } from '../contracts/state-machine.ts'
import { jsonCodec } from '../platform/json-codec.ts'
import { throwOnProblems } from '../platform/options.ts'
import { fc } from './arbitraries/fast-check.ts'
import type { CheckRunsTotals } from './check-runs.ts'
import { checkRunsWith } from './check-runs.ts'
import { ALL_PROPERTIES } from './properties/properties.ts'
import type { Property } from './properties/property.ts'
import type { ReplayOptions, ReplayResult } from './run-files/replay-run.ts'
import { replayRun } from './run-files/replay-run.ts'
import { checkAlone } from './state-machine/check-alone.ts'
import { runLogsInChildProcess } from './state-machine/check-in-child-process.ts'
import type { ResolvedCheck, StateMachineCheck } from './state-machine/check-options.ts'
import { withDefaults } from './state-machine/check-options.ts'
import type { StateMachineCoverage } from './state-machine/coverage.ts'
import { withDeterminismGuard } from './state-machine/determinism-guard.ts'
import { explainRun, RunLog } from './state-machine/explain-run.ts'
import type { MachineSpec } from './state-machine/machine-harness.ts'
import type { HistoryVerdicts } from './state-machine/machine-linearizability.ts'
import { machineLinearizability } from './state-machine/machine-linearizability.ts'
import type { MachineUnderTest, MachineUnderTestOptions } from './state-machine/machine-under-test.ts'
import { machineUnderTest, queryProblems, versionOf } from './state-machine/machine-under-test.ts'
import type { Generated } from './state-machine/shrink-log.ts'
import { generated } from './state-machine/shrink-log.ts'
import { userTexts } from './state-machine/user-texts.ts'
import { withFaultPage } from './state-machine/write-fault-page.ts'

/** What `checkStateMachine` covered. */
export interface StateMachineTotals extends CheckRunsTotals {
  /** The number of logs applied outside of a cluster. */
  readonly logs: number
  /** The verdicts on the histories of client calls: linearizable, or undecided at `stepsMax`. */
  readonly histories: Readonly<HistoryVerdicts>
  /** What the generated logs consisted of: kinds of commands and results, and how many commands were refused. */
  readonly coverage: StateMachineCoverage
  /** Checks that were skipped, and the option that enables each. */
  readonly notChecked: readonly string[]
}

/** The number of distinct commands, and of queries, in a cluster. They repeat after the last. */
const CLUSTER_SAMPLES = 100
/** The number of queries asked after a log. */
const SAMPLED_QUERIES = 10
/** So short that a follower which restarts or was isolated needs a snapshot. */
const SHORT_LOG = { trailingEntries: 4, trailingBytesMax: 600 }
const FAULTS_MS = 2000

/**
 * Checks that a state machine is deterministic, that its snapshots contain its whole state and can be restored, and that simulated
 * clusters with it under faults have every property of Raft and linearizable client calls. Rejects with an error that states the
 * violated rule, the shortest log or run found that shows it, and how to repeat it. Works in any test runner:
 *
 * ```ts
 * it('is a state machine', () => checkStateMachine(() => new Counter(), { commands: fc.record({ add: fc.nat() }) }))
 * ```
 */
export async function checkStateMachine<
  Command,
  Result,
  Query = never,
  Answer = unknown,
  Machine = StateMachine<Command, Result, Query, Answer>,
>(
  machine: () => Machine & StateMachine<Command, Result, Query, Answer>,
  options: StateMachineCheck<Command, Result, Query, Answer, Machine>,
): Promise<StateMachineTotals> {
  const check = withDefaults(machine, options)
  const spec = specOf(machine, check)
  const { directory, seed } = check
  const rejectWithPage = async (error: unknown): Promise<never> => {
    throw await withFaultPage(spec, error, { directory, seed })
  }
  // The child process runs first: an endless loop would also hang this process.
  const compareWithChild = await runLogsInChildProcess(spec, check).catch(rejectWithPage)
  const checkHere = async (): Promise<StateMachineTotals> => {
    const { coverage, isWatched } = await checkAlone(spec, check)
    await compareWithChild()
    const clusters = await checkInClusters(spec, check)
    return { ...clusters, coverage, notChecked: skippedChecks(check, isWatched) }
  }
  const totals = await withDeterminismGuard(() => checkHere().catch(rejectWithPage), check.allow)
  for (const warning of totals.coverage.warnings)
    process.emitWarning(`checkStateMachine: ${warning}`, 'CoverageWarning')
  return totals
}

function specOf<Command, Result, Query, Answer>(
  make: () => StateMachine<Command, Result, Query, Answer>,
  check: ResolvedCheck<Command, Result>,
): MachineSpec<Command, Result> {
  const { seed, queries, deadlineMs } = check
  const made = madeBy(make)
  if (made !== undefined && queries !== undefined) throwOnProblems(queryProblems('queries', made))
  return {
    make,
    machineVersion: made === undefined ? 1 : versionOf(made),
    codec: check.codec ?? jsonCodec(),
    resultCodec: check.resultCodec ?? jsonCodec(),
    queryCodec: check.queryCodec ?? jsonCodec(),
    answerCodec: check.answerCodec ?? jsonCodec(),
    makeModel: check.model,
    invariant: check.invariant as ((machine: unknown) => unknown) | undefined,
    queries: queries === undefined ? [] : fc.sample(queries, { numRuns: SAMPLED_QUERIES, seed }),
    deadlineMs,
  }
}

/** A machine. One that cannot be made is reported by the check. */
function madeBy<Machine>(make: () => Machine): Machine | undefined {
  try {
    return make()
  } catch {
    return undefined
  }
}

/**
 * Replays a run file that `checkStateMachine` has written. With the same machine, commands and seed, the run is the same. The result
 * has the violation in `failure` and all events in `trace`. `until` stops the run before its end.
 */
export async function replayStateMachine<
  Command,
  Result,
  Query = never,
  Answer = unknown,
  Machine = StateMachine<Command, Result, Query, Answer>,
>(
  machine: () => Machine & StateMachine<Command, Result, Query, Answer>,
  options: StateMachineCheck<Command, Result, Query, Answer, Machine>,
  text: string,
  until?: ReplayOptions['until'],
): Promise<ReplayResult> {
  const check = withDefaults(machine, options)
  const replay = { ...clusterCheck(specOf(machine, check), check), until }
  return withDeterminismGuard(() => replayRun(text, replay), check.allow)
}

/** Simulates clusters under faults, and checks all properties and the linearizability of client calls. */
async function checkInClusters<Command, Result>(
  spec: MachineSpec<Command, Result>,
  check: ResolvedCheck<Command, Result>,
): Promise<Omit<StateMachineTotals, 'coverage' | 'notChecked'>> {
  const { logs, runs, seed, shrinksMax, shrinkMsMax, directory } = check
  const { histories, log, commandOf, ...fixed } = clusterCheck(spec, check)
  const totals = await checkRunsWith(
    {
      ...{ runs, seed, faultsMs: FAULTS_MS, shrinksMax, directory },
      fixed: { ...fixed, settings: SHORT_LOG },
      replay: (failed) => `checkStateMachine(…, { runs: ${runs}, seed: ${failed} })`,
      replayFile: `replayStateMachine(…, { seed: ${seed} }, text)`,
    },
    { shrinkMsMax, explain: (run) => explainRun(spec, check, { ...run, log, commandOf }) },
  )
  return { ...totals, logs, histories }
}

/** The machine with its generated commands, and the properties to check in a cluster. */
function clusterCheck<Command, Result>(
  spec: MachineSpec<Command, Result>,
  { commands, queries, seed, stepsMax }: ResolvedCheck<Command, Result>,
): {
  readonly machine: MachineUnderTest
  readonly properties: readonly Property[]
  readonly histories: HistoryVerdicts
  readonly log: RunLog
  readonly commandOf: (number: number) => Generated<Command>
} {
  const commandOf = sampleByNumber(commands, seed)
  const command = (number: number): Command => commandOf(number).value
  const queryOf = queries === undefined ? undefined : sampleByNumber(queries, seed)
  const query = queryOf === undefined ? {} : { query: (number: number): unknown => queryOf(number).value }
  const log = new RunLog()
  const texts = userTexts(spec, { command, ...query })
  const machine = { ...machineUnderTest({ ...spec, command, ...query }), texts }
  const histories: HistoryVerdicts = { linearizable: 0, undecided: 0 }
  const linearizability = machineLinearizability({
    machine: modelUnderTest(spec, machine, { command, ...query }),
    hasQueries: queryOf !== undefined,
    texts,
    stepsMax,
    onRun: () => log.clear(),
    verdicts: histories,
  })
  return {
    machine: log.recording(machine),
    properties: [...ALL_PROPERTIES, linearizability],
    histories,
    log,
    commandOf,
  }
}

/** The reference model in place of the machine. If it answers no queries, and they are checked, it cannot take its place. */
function modelUnderTest<Command, Result>(
  { makeModel, ...spec }: MachineSpec<Command, Result>,
  machine: MachineUnderTest,
  options: Pick<MachineUnderTestOptions<Command, Result>, 'command' | 'query'>,
): MachineUnderTest {
  if (makeModel === undefined || (options.query !== undefined && makeModel().query === undefined)) return machine
  // Nothing takes a snapshot of the model.
  const make = makeModel as () => StateMachine<Command, Result, unknown, unknown>
  return machineUnderTest({ ...spec, ...options, make, invariant: undefined })
}

function skippedChecks<Command, Result>(
  { childProcess, queries, logs, runs }: ResolvedCheck<Command, Result>,
  isWatched: boolean,
): string[] {
  return [
    ...(logs === 0 ? ['the machine outside of a cluster, except with an empty log: logs is 0'] : []),
    ...(runs === 0 ? ['clusters under faults: runs is 0'] : []),
    ...(isWatched ? [] : ['calls through references such as `const now = Date.now`: run without another debugger']),
    ...(childProcess === undefined
      ? [
          'endless loops, values that a module reads while it is loaded, state that all machines of a process share, and another time zone and locale: pass childProcess',
        ]
      : []),
    ...(queries === undefined ? ['query(), if the machine has one: pass queries'] : []),
  ]
}

/** Generates values. The returned function gives the value of a number, starting again after the last. */
function sampleByNumber<Value>(values: Arbitrary<Value>, seed: number): (number: number) => Generated<Value> {
  const all = fc.sample(generated(values), { numRuns: CLUSTER_SAMPLES, seed })
  return (number) => all[(number - 1) % all.length] as Generated<Value>
}
