/** Checks a user's state machine: determinism, snapshots and restore, queries, and its behaviour in clusters under faults. */
import type { Arbitrary } from 'fast-check'
import type { Codec, StateMachine } from '../contracts/state-machine.ts'
import { jsonCodec } from '../platform/json-codec.ts'
import { checkFunction, checkInteger, checkString, throwOnProblems } from '../platform/options.ts'
import { fc } from './arbitraries/fast-check.ts'
import type { CheckRunsTotals } from './check-runs.ts'
import { checkRunsWith } from './check-runs.ts'
import {
  checkArbitrary,
  checkCodec,
  checkNames,
  checkOptions,
  checkSeed,
  checkStrings,
  type OptionTable,
} from './option-checks.ts'
import { ALL_PROPERTIES } from './properties/properties.ts'
import type { Property } from './properties/property.ts'
import type { ReplayOptions, ReplayResult } from './run-files/replay-run.ts'
import { replayRun } from './run-files/replay-run.ts'
import { checkAlone } from './state-machine/check-alone.ts'
import { describeFault, formatCommand } from './state-machine/check-logs.ts'
import { checkRun, encodeLog } from './state-machine/check-run.ts'
import type { ChildRun, MachineModule } from './state-machine/child-process.ts'
import { ChildTimeout, checkChildRun, runInChildProcess } from './state-machine/child-process.ts'
import type { CoverageOptions, StateMachineCoverage } from './state-machine/coverage.ts'
import { withDeterminismGuard } from './state-machine/determinism-guard.ts'
import { explainRun, RunLog } from './state-machine/explain-run.ts'
import type { GuardedKind } from './state-machine/forbidden-call.ts'
import { GUARDED_KINDS } from './state-machine/forbidden-call.ts'
import { MachineFault } from './state-machine/machine-fault.ts'
import type { MachineSpec, ReferenceModel } from './state-machine/machine-harness.ts'
import { MachineHarness } from './state-machine/machine-harness.ts'
import type { HistoryVerdicts } from './state-machine/machine-linearizability.ts'
import { machineLinearizability } from './state-machine/machine-linearizability.ts'
import type { MachineUnderTest, MachineUnderTestOptions } from './state-machine/machine-under-test.ts'
import { machineUnderTest, queryProblems, versionOf } from './state-machine/machine-under-test.ts'
import type { Generated } from './state-machine/shrink-log.ts'
import { generated } from './state-machine/shrink-log.ts'

/** Options of `checkStateMachine`. */
export interface StateMachineCheck<
  Command,
  Result,
  Query = never,
  Answer = unknown,
  Machine = StateMachine<Command, Result, Query, Answer>,
> {
  /** The fast-check arbitrary of a command. */
  readonly commands: Arbitrary<Command>
  /** The fast-check arbitrary of a query. Without it, `query` is not checked. */
  readonly queries?: Arbitrary<Query> | undefined
  /**
   * Checked in the initial state, after every command and after every restore. Throws, or returns false, if the machine is in a state that
   * must not occur, such as a lock with two owners. Must not change the machine.
   */
  readonly invariant?: ((machine: Machine) => unknown) | undefined
  /**
   * Creates a reference model: a simpler implementation, without snapshots. Every command must return the same result on the machine as on
   * the model, and so must every query if the model has `query`. In clusters, the model explains what clients see.
   */
  readonly model?: (() => ReferenceModel<Command, Result, Query, Answer>) | undefined
  /** Kinds of calls that the machine may make although their results can differ between nodes. None by default. */
  readonly allow?: readonly GuardedKind[] | undefined
  /** The four codecs default to JSON. */
  readonly codec?: Codec<Command> | undefined
  readonly resultCodec?: Codec<Result> | undefined
  readonly queryCodec?: Codec<Query> | undefined
  readonly answerCodec?: Codec<Answer> | undefined
  /** Also runs the logs in a child process with another time zone and locale. Required to detect endless loops. */
  readonly childProcess?: MachineModule | undefined
  /** How the kinds of generated commands and of results are counted, and which must occur. */
  readonly coverage?: CoverageOptions<Command, Result> | undefined
  /** The number of logs that are applied outside of a cluster. Default 300. */
  readonly logs?: number | undefined
  /** The maximum number of commands in such a log. Default 30. */
  readonly logEntriesMax?: number | undefined
  /** The number of simulated clusters. Default 30. */
  readonly runs?: number | undefined
  /** The seed of all randomness, an integer. Default 1. */
  readonly seed?: number | undefined
  /** The time within which `snapshot` and `restore` must settle, and each call in the child process must return. Noticed within twice the time. Default 2000. */
  readonly deadlineMs?: number | undefined
  /** The number of smaller logs, and of smaller runs, tried to shrink a failure. Default 1000. */
  readonly shrinksMax?: number | undefined
  /** The time spent on shrinking a failure, in milliseconds. Default 5000. */
  readonly shrinkMsMax?: number | undefined
  /** The step limit of the linearizability check of one cluster's history. Default 200,000. */
  readonly stepsMax?: number | undefined
}

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

const DEFAULTS = {
  logs: 300,
  logEntriesMax: 30,
  runs: 30,
  seed: 1,
  deadlineMs: 2000,
  shrinksMax: 1000,
  shrinkMsMax: 5000,
  stepsMax: 200_000,
} as const
const OPTIONS: OptionTable = {
  checks: {
    commands: checkArbitrary,
    queries: checkArbitrary,
    invariant: checkFunction,
    model: checkFunction,
    allow: checkNames(GUARDED_KINDS),
    codec: checkCodec,
    resultCodec: checkCodec,
    queryCodec: checkCodec,
    answerCodec: checkCodec,
    logs: checkInteger(0),
    logEntriesMax: checkInteger(1),
    runs: checkInteger(0),
    seed: checkSeed,
    deadlineMs: checkInteger(1),
    shrinksMax: checkInteger(0),
    shrinkMsMax: checkInteger(0),
    stepsMax: checkInteger(1),
  },
  nested: {
    childProcess: {
      checks: {
        module: checkString,
        machine: checkString,
        codec: checkString,
        resultCodec: checkString,
        execArgv: checkStrings,
      },
      required: ['module', 'machine'],
    },
    coverage: {
      checks: {
        commandKind: checkFunction,
        resultKind: checkFunction,
        isRefused: checkFunction,
        commands: checkStrings,
        results: checkStrings,
        readOnly: checkStrings,
      },
    },
  },
  required: ['commands'],
}
/** The number of distinct commands, and of queries, in a cluster. They repeat after the last. */
const CLUSTER_SAMPLES = 100
/** The number of queries asked after a log. */
const SAMPLED_QUERIES = 10
/** So short that a follower which restarts or was isolated needs a snapshot. */
const SHORT_LOG = { trailingEntries: 4, trailingBytesMax: 600 }
const FAULTS_MS = 2000

/** The options with all defaults filled in. The types of queries and answers are erased. */
type ResolvedCheck<Command, Result> = Omit<
  StateMachineCheck<Command, Result, unknown, unknown, never>,
  keyof typeof DEFAULTS
> & {
  readonly [Name in keyof typeof DEFAULTS]: number
}

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
  // The child process runs first: an endless loop would also hang this process.
  const compareWithChild = await runLogsInChildProcess(spec, check)
  const totals = await withDeterminismGuard(async () => {
    const { coverage, isWatched } = await checkAlone(spec, check)
    await compareWithChild()
    const clusters = await checkInClusters(spec, check)
    return { ...clusters, coverage, notChecked: skippedChecks(check, isWatched) }
  }, check.allow)
  for (const warning of totals.coverage.warnings)
    process.emitWarning(`checkStateMachine: ${warning}`, 'CoverageWarning')
  return totals
}

function withDefaults<Command, Result, Query, Answer, Machine>(
  machine: () => StateMachine<Command, Result, Query, Answer>,
  options: StateMachineCheck<Command, Result, Query, Answer, Machine>,
): ResolvedCheck<Command, Result> {
  const problem = checkFunction(machine)
  if (problem !== undefined) throwOnProblems([{ path: 'the machine', problem: `${problem}: pass () => new Machine()` }])
  checkOptions(options, OPTIONS)
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  return { ...DEFAULTS, commands: options.commands, ...given }
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

/** Runs logs in a child process. The returned function runs them here and compares the results. */
async function runLogsInChildProcess<Command, Result>(
  spec: MachineSpec<Command, Result>,
  { commands, childProcess, logs, logEntriesMax, seed }: ResolvedCheck<Command, Result>,
): Promise<() => Promise<void>> {
  if (childProcess === undefined) return async () => {}
  const sampledLogs = fc.sample(fc.array(commands, { maxLength: logEntriesMax, size: 'max' }), { numRuns: logs, seed })
  // Shorter logs first, so that the reported one is easy to read.
  sampledLogs.sort((one, other) => one.length - other.length)
  const reporting = <Value>(log: readonly Command[], call: () => Value): Value => {
    try {
      return call()
    } catch (fault) {
      throw fault instanceof MachineFault ? withCommands(fault, log, seed) : fault
    }
  }
  const encoded = sampledLogs.map((log) => reporting(log, () => encodeLog(spec, log)))
  const bytes = encoded.map((entries) => entries.map((entry) => entry.bytes))
  const childRuns = await runInChildProcess(childProcess, bytes, spec.deadlineMs).catch((fault: unknown) => {
    throw fault instanceof ChildTimeout ? withCommands(fault, sampledLogs[fault.log] ?? [], seed) : fault
  })
  return async () => {
    for (const [offset, log] of sampledLogs.entries()) {
      const here = await checkRun(() => new MachineHarness(spec, encoded[offset] ?? []), log.length)
      reporting(log, () => checkChildRun(here, childRuns[offset] as ChildRun, spec.resultCodec))
    }
  }
}

function withCommands<Command>(fault: MachineFault, log: readonly Command[], seed: number): MachineFault {
  const commands = log.slice(0, fault.commands)
  return describeFault({ fault, commands, contexts: undefined, otherCommands: [], isRepeated: true }, seed)
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
  const { logs, runs, seed, shrinksMax, shrinkMsMax } = check
  const { histories, log, commandOf, ...fixed } = clusterCheck(spec, check)
  const totals = await checkRunsWith(
    {
      ...{ runs, seed, faultsMs: FAULTS_MS, shrinksMax },
      fixed: { ...fixed, settings: SHORT_LOG },
      replay: (failed) => `checkStateMachine(…, { runs: ${runs}, seed: ${failed} })`,
      replayFile: `replayStateMachine(…, { seed: ${seed} }, text)`,
    },
    { shrinkMsMax, explain: (failure, isRepeated) => explainRun(spec, check, { failure, isRepeated, log, commandOf }) },
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
  const machine = log.recording(machineUnderTest({ ...spec, command, ...query }))
  const histories: HistoryVerdicts = { linearizable: 0, undecided: 0 }
  const linearizability = machineLinearizability({
    machine: modelUnderTest(spec, machine, { command, ...query }),
    hasQueries: queryOf !== undefined,
    format: (what, number) => formatCommand((what === 'write' ? commandOf : queryOf)?.(number).value),
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
