/** Checks a user's state machine: determinism, snapshots and restore, queries, and its behaviour in clusters under faults. */
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

/** Options of `checkStateMachine`. */
export interface StateMachineCheck<Command, Result, Query = never, Answer = unknown> {
  /** The fast-check arbitrary of a command. */
  readonly commands: Arbitrary<Command>
  /** The fast-check arbitrary of a query. Without it, `query` is not checked. */
  readonly queries?: Arbitrary<Query> | undefined
  /** The four codecs default to JSON. */
  readonly codec?: Codec<Command> | undefined
  readonly resultCodec?: Codec<Result> | undefined
  readonly queryCodec?: Codec<Query> | undefined
  readonly answerCodec?: Codec<Answer> | undefined
  /** Also runs the logs in a child process with another time zone and locale. Required to detect endless loops. */
  readonly childProcess?: MachineModule | undefined
  /** The number of logs that are applied outside of a cluster. Default 30. */
  readonly logs?: number | undefined
  /** The maximum number of commands in such a log. Default 30. */
  readonly logEntriesMax?: number | undefined
  /** The number of simulated clusters. Default 30. */
  readonly runs?: number | undefined
  /** The seed of all randomness, an integer. Default 1. */
  readonly seed?: number | undefined
  /** The time within which `snapshot` and `restore` must settle, and each call in the child process must return. Default 2000. */
  readonly deadlineMs?: number | undefined
  /** The number of smaller logs, and of smaller runs, tried to shrink a failure. Default 200. */
  readonly shrinksMax?: number | undefined
  /** The step limit of the linearizability check of one cluster's history. Default 200,000. */
  readonly stepsMax?: number | undefined
}

/** What `checkStateMachine` covered. */
export interface StateMachineTotals extends CheckRunsTotals {
  /** The number of logs applied outside of a cluster. */
  readonly logs: number
  /** The verdicts on the histories of client calls: linearizable, or undecided at `stepsMax`. */
  readonly histories: Readonly<HistoryVerdicts>
  /** Checks that were skipped, and the option that enables each. */
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
/** The number of distinct commands, and of queries, in a cluster. They repeat after the last. */
const CLUSTER_SAMPLES = 100
/** The number of queries asked after a log. */
const SAMPLED_QUERIES = 10
/** So short that a follower which restarts or was isolated needs a snapshot. */
const SHORT_LOG = { trailingEntries: 4, trailingBytesMax: 600 }
const FAULTS_MS = 2000

/** The options with all defaults filled in. The types of queries and answers are erased. */
type ResolvedCheck<Command, Result> = Omit<StateMachineCheck<Command, Result, unknown>, keyof typeof DEFAULTS> & {
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
export async function checkStateMachine<Command, Result, Query = never, Answer = unknown>(
  machine: () => StateMachine<Command, Result, Query, Answer>,
  options: StateMachineCheck<Command, Result, Query, Answer>,
): Promise<StateMachineTotals> {
  const check = withDefaults(options)
  const spec = specOf(machine, check)
  // The child process runs first: an endless loop would also hang this process.
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
  const bytes = sampledLogs.map((log) => reporting(log, () => encodeLog(spec, log)))
  const childRuns = await runInChildProcess(childProcess, bytes, spec.deadlineMs).catch((fault: unknown) => {
    throw fault instanceof ChildTimeout ? withCommands(fault, sampledLogs[fault.log] ?? [], seed) : fault
  })
  return async () => {
    for (const [offset, log] of sampledLogs.entries()) {
      const here = await checkDeterminism(() => new MachineHarness(spec, bytes[offset] ?? []), log.length)
      reporting(log, () => checkChildRun(here, childRuns[offset] as ChildRun))
    }
  }
}

/** Checks many logs outside of a cluster, and shrinks a failing one. */
async function checkInIsolation<Command, Result>(
  spec: MachineSpec<Command, Result>,
  check: ResolvedCheck<Command, Result>,
): Promise<void> {
  const { commands, logs, logEntriesMax, seed, shrinksMax } = check
  let first: MachineFault | undefined
  let tries = shrinksMax
  const property = fc.asyncProperty(fc.array(commands, { maxLength: logEntriesMax, size: 'max' }), async (log) => {
    // A call that does not settle is not shrunk: every attempt would take `deadlineMs`.
    if (first !== undefined && (first.rule === 'settles' || tries-- <= 0)) return
    try {
      await checkLog(spec, log)
    } catch (fault) {
      // A smaller log that violates another rule does not count as a smaller failure.
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

/** Adds the commands that show the fault, and how to repeat the check, to its message. */
function withCommands<Command>(fault: MachineFault, log: readonly Command[], seed: number): MachineFault {
  const commandLines = log
    .slice(0, fault.commands)
    .map((command, offset) => `  ${offset + 1}  ${formatCommand(command)}`)
  const title = commandLines.length === 0 ? 'No command is needed.' : 'The commands:'
  const lines = [fault.message, '', title, ...commandLines, '', `To repeat: checkStateMachine(…, { seed: ${seed} })`]
  return new MachineFault(fault.rule, fault.commands, lines.join('\n'), fault)
}

function formatCommand(command: unknown): string {
  return inspect(command, { depth: 4, breakLength: Number.POSITIVE_INFINITY })
}

/**
 * Replays a run file that `checkStateMachine` has written. With the same machine, commands and seed, the run is the same. The result
 * has the violation in `failure` and all events in `trace`. `until` stops the run before its end.
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

/** Simulates clusters under faults, and checks all properties and the linearizability of client calls. */
async function checkInClusters<Command, Result>(
  spec: MachineSpec<Command, Result>,
  check: ResolvedCheck<Command, Result>,
): Promise<StateMachineTotals> {
  const { logs, runs, seed, shrinksMax } = check
  const { histories, ...fixed } = clusterCheck(spec, check)
  const totals = await checkRuns({
    ...{ runs, seed, faultsMs: FAULTS_MS, shrinksMax },
    fixed: { ...fixed, settings: SHORT_LOG },
    replay: (failed) => `checkStateMachine(…, { runs: ${runs}, seed: ${failed} })`,
    replayFile: `replayStateMachine(…, { seed: ${seed} }, text)`,
  })
  return { ...totals, logs, histories, notChecked: skippedChecks(check) }
}

/** The machine with its generated commands, and the properties to check in a cluster. */
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
  const linearizability = machineLinearizability({
    machine,
    hasQueries: query !== undefined,
    format: (what, number) => formatCommand(what === 'write' ? command(number) : query?.(number)),
    stepsMax,
    verdicts: histories,
  })
  return { machine, properties: [...ALL_PROPERTIES, linearizability], histories }
}

function skippedChecks<Command, Result>({ childProcess, queries }: ResolvedCheck<Command, Result>): string[] {
  return [
    ...(childProcess === undefined
      ? ['endless loops, and a child process with another time zone and locale: pass childProcess']
      : []),
    ...(queries === undefined ? ['query(), if the machine has one: pass queries'] : []),
  ]
}

/** Generates values. The returned function gives the value of a number, starting again after the last. */
function sampleByNumber<Value>(values: Arbitrary<Value>, seed: number): (number: number) => Value {
  const all = fc.sample(fc.noShrink(values), { numRuns: CLUSTER_SAMPLES, seed })
  return (number) => all[(number - 1) % all.length] as Value
}
