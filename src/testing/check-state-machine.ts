/** Tries a user's state machine: is it deterministic, is its snapshot its state, and does it survive a cluster under faults? */
import { inspect } from 'node:util'
import type { Arbitrary } from 'fast-check'
import type { Codec, StateMachine } from '../contracts/state-machine.ts'
import { jsonCodec } from '../platform/json-codec.ts'
import { fc } from './arbitraries/fast-check.ts'
import type { CheckRunsTotals } from './check-runs.ts'
import { checkRuns } from './check-runs.ts'
import { ALL_PROPERTIES } from './properties/properties.ts'
import type { Property } from './properties/property.ts'
import type { ReplayOptions, ReplayResult } from './run-files/replay-run.ts'
import { replayRun } from './run-files/replay-run.ts'
import { checkDeterminism, checkLog, encodeLog } from './state-machine/check-log.ts'
import type { ChildRun, MachineModule } from './state-machine/child-process.ts'
import { ChildTimeout, checkChildRun, runInChildProcess } from './state-machine/child-process.ts'
import { withDeterminismGuard } from './state-machine/determinism-guard.ts'
import { MachineFault } from './state-machine/machine-fault.ts'
import type { MachineSpec } from './state-machine/machine-harness.ts'
import { MachineHarness } from './state-machine/machine-harness.ts'
import type { HistoryVerdicts } from './state-machine/machine-linearizability.ts'
import { machineLinearizability } from './state-machine/machine-linearizability.ts'
import type { MachineUnderTest } from './state-machine/machine-under-test.ts'
import { machineUnderTest } from './state-machine/machine-under-test.ts'

export interface StateMachineCheck<Command, Result, Query = never, Answer = unknown> {
  /** One command, drawn by fast-check. */
  readonly commands: Arbitrary<Command>
  /** One query, if the machine answers queries; what is answered is judged too. */
  readonly queries?: Arbitrary<Query> | undefined
  /** JSON unless said otherwise, like the other three. */
  readonly codec?: Codec<Command> | undefined
  readonly resultCodec?: Codec<Result> | undefined
  readonly queryCodec?: Codec<Query> | undefined
  readonly answerCodec?: Codec<Answer> | undefined
  /** Where another process finds the machine, to be tried there too, also for loops that never end. */
  readonly childProcess?: MachineModule | undefined
  /** How many logs the machine is given by itself, before it is put into clusters; 30 unless given. */
  readonly logs?: number | undefined
  /** Commands of the longest log; 30 unless given. */
  readonly logEntriesMax?: number | undefined
  /** How many clusters are run under faults; 30 unless given. */
  readonly runs?: number | undefined
  /** All chance comes from this integer; 1 unless given. */
  readonly seed?: number | undefined
  /** How long a promise of the machine's `snapshot` or `restore` may take, and each call in another process; 2000 unless given. */
  readonly deadlineMs?: number | undefined
  /** How many smaller logs, and smaller runs, are tried to tell a failure as a shorter story; 200 unless given. */
  readonly shrinksMax?: number | undefined
  /** How many steps may be spent on judging what the clients of one cluster were told; 200,000 unless given. */
  readonly stepsMax?: number | undefined
}

/** What was seen of a machine that is one. */
export interface StateMachineTotals extends CheckRunsTotals {
  /** Logs that it was given by itself. */
  readonly logs: number
  /** What the clients of the clusters were told: judged by the machine itself, or given up after `stepsMax`. */
  readonly histories: Readonly<HistoryVerdicts>
  /** What was left out, and what to give for it. */
  readonly notChecked: readonly string[]
}

const DEFAULTS = {
  logs: 30,
  logEntriesMax: 30,
  runs: 30,
  seed: 1,
  deadlineMs: 2000,
  shrinksMax: 200,
  stepsMax: 200_000,
} as const
/** Commands, and queries, that the machines of a cluster are given; then they begin again at the first. */
const CLUSTER_SAMPLES = 100
/** Queries that a machine by itself is asked after a log. */
const SAMPLED_QUERIES = 10
/** Followers that were away get a snapshot: that is what a machine can get wrong. */
const SHORT_LOG = { trailingEntries: 4, trailingBytesMax: 600 }
const FAULTS_MS = 2000

/** With everything said that was left to the defaults, and without the types of queries, which only the machine knows. */
type ResolvedCheck<Command, Result> = Omit<StateMachineCheck<Command, Result, unknown>, keyof typeof DEFAULTS> & {
  readonly [Name in keyof typeof DEFAULTS]: number
}

/**
 * Throws an error that says what is wrong, at which command, and what to do. Works in any test runner:
 *
 * ```ts
 * it('is a state machine', () => checkStateMachine(() => new Counter(), { commands: fc.record({ add: fc.nat() }) }))
 * ```
 */
export async function checkStateMachine<Command, Result, Query = never, Answer = unknown>(
  machine: () => StateMachine<Command, Result, Query, Answer>,
  options: StateMachineCheck<Command, Result, Query, Answer>,
): Promise<StateMachineTotals> {
  const check = withDefaults(options)
  const spec = specOf(machine, check)
  // First of all: what never ends would not end here either.
  const compareWithChild = await runLogsInChildProcess(spec, check)
  return withDeterminismGuard(async () => {
    await checkInIsolation(spec, check)
    await compareWithChild()
    return checkInClusters(spec, check)
  })
}

function withDefaults<Command, Result, Query, Answer>(
  options: StateMachineCheck<Command, Result, Query, Answer>,
): ResolvedCheck<Command, Result> {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  return { ...DEFAULTS, commands: options.commands, ...given }
}

function specOf<Command, Result, Query, Answer>(
  make: () => StateMachine<Command, Result, Query, Answer>,
  check: ResolvedCheck<Command, Result>,
): MachineSpec<Command, Result> {
  const { seed, queries, deadlineMs } = check
  return {
    make,
    codec: check.codec ?? jsonCodec(),
    resultCodec: check.resultCodec ?? jsonCodec(),
    queryCodec: check.queryCodec ?? jsonCodec(),
    answerCodec: check.answerCodec ?? jsonCodec(),
    queries: queries === undefined ? [] : fc.sample(queries, { numRuns: SAMPLED_QUERIES, seed }),
    deadlineMs,
  }
}

/** Gives another process some logs; what is returned compares what came of them there with what comes of them here. */
async function runLogsInChildProcess<Command, Result>(
  spec: MachineSpec<Command, Result>,
  { commands, childProcess, logs, logEntriesMax, seed }: ResolvedCheck<Command, Result>,
): Promise<() => Promise<void>> {
  if (childProcess === undefined) return async () => {}
  const drawnLogs = fc.sample(fc.array(commands, { maxLength: logEntriesMax, size: 'max' }), { numRuns: logs, seed })
  // The shorter the log, the easier to read.
  drawnLogs.sort((one, other) => one.length - other.length)
  const reporting = <Value>(log: readonly Command[], call: () => Value): Value => {
    try {
      return call()
    } catch (fault) {
      throw fault instanceof MachineFault ? withCommands(fault, log, seed) : fault
    }
  }
  const bytes = drawnLogs.map((log) => reporting(log, () => encodeLog(spec, log)))
  const childRuns = await runInChildProcess(childProcess, bytes, spec.deadlineMs).catch((fault: unknown) => {
    throw fault instanceof ChildTimeout ? withCommands(fault, drawnLogs[fault.log] ?? [], seed) : fault
  })
  return async () => {
    for (const [place, log] of drawnLogs.entries()) {
      const here = await checkDeterminism(() => new MachineHarness(spec, bytes[place] ?? []), log.length)
      reporting(log, () => checkChildRun(here, childRuns[place] as ChildRun))
    }
  }
}

/** Many logs; the shortest that could be found is told with what is wrong. */
async function checkInIsolation<Command, Result>(
  spec: MachineSpec<Command, Result>,
  check: ResolvedCheck<Command, Result>,
): Promise<void> {
  const { commands, logs, logEntriesMax, seed, shrinksMax } = check
  let first: MachineFault | undefined
  let tries = shrinksMax
  const property = fc.asyncProperty(fc.array(commands, { maxLength: logEntriesMax, size: 'max' }), async (log) => {
    // What never settles takes its time each time.
    if (first !== undefined && (first.rule === 'settles' || tries-- <= 0)) return
    try {
      await checkLog(spec, log)
    } catch (fault) {
      // A smaller log with something else wrong is another story.
      if (first !== undefined && (!(fault instanceof MachineFault) || fault.rule !== first.rule)) return
      if (fault instanceof MachineFault) first ??= fault
      throw fault
    }
  })
  const details = await fc.check(property, { numRuns: logs, seed, examples: [[[]]] })
  if (!details.failed) return
  const { errorInstance: fault } = details
  if (!(fault instanceof MachineFault) || details.counterexample === null) throw fault
  throw withCommands(fault, details.counterexample[0], seed)
}

/** The fault, with the log that shows it. */
function withCommands<Command>(fault: MachineFault, log: readonly Command[], seed: number): MachineFault {
  const commandLines = log
    .slice(0, fault.commands)
    .map((command, offset) => `  ${offset + 1}  ${formatCommand(command)}`)
  const title = commandLines.length === 0 ? 'No command is needed for it.' : 'The commands that show it:'
  const lines = [
    fault.message,
    '',
    title,
    ...commandLines,
    '',
    `To run it again: checkStateMachine(…, { seed: ${seed} })`,
  ]
  return new MachineFault(fault.rule, fault.commands, lines.join('\n'), fault)
}

function formatCommand(command: unknown): string {
  return inspect(command, { depth: 4, breakLength: Number.POSITIVE_INFINITY })
}

/**
 * Runs a cluster again that `checkStateMachine` has written to a file: with the same machine, commands and seed it comes to the same
 * end. What it breaks is in `failure`, what happens in `trace`; `until` stops it before.
 */
export async function replayStateMachine<Command, Result, Query = never, Answer = unknown>(
  machine: () => StateMachine<Command, Result, Query, Answer>,
  options: StateMachineCheck<Command, Result, Query, Answer>,
  text: string,
  until?: ReplayOptions['until'],
): Promise<ReplayResult> {
  const check = withDefaults(options)
  return withDeterminismGuard(() => replayRun(text, { ...clusterCheck(specOf(machine, check), check), until }))
}

/** Whole clusters under faults: every machine is judged by all promises, and what clients are told by one machine alone. */
async function checkInClusters<Command, Result>(
  spec: MachineSpec<Command, Result>,
  check: ResolvedCheck<Command, Result>,
): Promise<StateMachineTotals> {
  const { logs, runs, seed, shrinksMax } = check
  const { histories, ...judged } = clusterCheck(spec, check)
  const totals = await checkRuns({
    ...{ runs, seed, faultsMs: FAULTS_MS, shrinksMax },
    fixed: { ...judged, settings: SHORT_LOG },
    replay: (failed) => `checkStateMachine(…, { runs: ${runs}, seed: ${failed} })`,
    replayFile: `replayStateMachine(…, { seed: ${seed} }, text)`,
  })
  return { ...totals, logs, histories, notChecked: skippedChecks(check) }
}

/** The machine with its drawn commands, and who judges it in a cluster. */
function clusterCheck<Command, Result>(
  spec: MachineSpec<Command, Result>,
  { commands, queries, seed, stepsMax }: ResolvedCheck<Command, Result>,
): {
  readonly machine: MachineUnderTest
  readonly properties: readonly Property[]
  readonly histories: HistoryVerdicts
} {
  const command = sampleByNumber(commands, seed)
  const query = queries === undefined ? undefined : sampleByNumber(queries, seed)
  const machine = machineUnderTest({ ...spec, command, ...(query === undefined ? {} : { query }) })
  const histories: HistoryVerdicts = { linearizable: 0, undecided: 0 }
  const judge = machineLinearizability({
    machine,
    hasQueries: query !== undefined,
    format: (what, number) => formatCommand(what === 'write' ? command(number) : query?.(number)),
    stepsMax,
    verdicts: histories,
  })
  return { machine, properties: [...ALL_PROPERTIES, judge], histories }
}

function skippedChecks<Command, Result>({ childProcess, queries }: ResolvedCheck<Command, Result>): string[] {
  return [
    ...(childProcess === undefined ? ['loops that never end, and another process: give inAnotherProcess'] : []),
    ...(queries === undefined ? ['what query() answers, if there is one: give queries'] : []),
  ]
}

/** The value of each number; they begin again after the last. */
function sampleByNumber<Value>(values: Arbitrary<Value>, seed: number): (number: number) => Value {
  const all = fc.sample(fc.noShrink(values), { numRuns: CLUSTER_SAMPLES, seed })
  return (number) => all[(number - 1) % all.length] as Value
}
