/** Checks a state machine with many generated logs, outside of a cluster, and shrinks a failing one. */
import type { Arbitrary } from 'fast-check'
import { fc } from '../arbitraries/fast-check.ts'
import type { ShrinkLimits } from '../shrink-budget.ts'
import { ShrinkBudget } from '../shrink-budget.ts'
import type { LogToCheck } from './check-log.ts'
import { checkLog, repeatLog } from './check-log.ts'
import type { ExpectedRun } from './check-run.ts'
import type { CheckedLog } from './count-coverage.ts'
import { countCoverage } from './count-coverage.ts'
import type { CoverageOptions, StateMachineCoverage } from './coverage.ts'
import { formatValue } from './first-difference.ts'
import type { EntryPlace } from './machine-fault.ts'
import { MachineFault } from './machine-fault.ts'
import type { MachineSpec } from './machine-harness.ts'
import type { FaultyLog, Generated, GeneratedLog } from './shrink-log.ts'
import { generated, shrinkLog } from './shrink-log.ts'

export interface LogsToCheck<Command> extends ShrinkLimits {
  readonly commands: Arbitrary<Command>
  readonly logs: number
  readonly logEntriesMax: number
  readonly seed: number
}

export interface CoverageToCount<Command, Result> {
  readonly coverage?: CoverageOptions<Command, Result> | undefined
}

/** A log of this length is restored after every command, a longer one after some of them. */
const ALL_RESTORED_MAX = 5
const RESTORES = 4
/** The number of other commands that a machine has applied before it is restored. */
const OTHERS_MAX = 10
/** The number of logs in which a better explanation of a fault is searched. */
const SEARCHED = 25
/** The number of logs before the other checks of a machine alone. What those find is reported seconds sooner than after all logs. */
const FIRST_LOGS = 30
/** The number of logs that are applied again at the end, when time has passed and many other logs were applied. */
const REPEATED = 20

/** Throws the fault of the smallest log found that has one. Calls `afterFirst` once, after some logs. Returns what the logs consisted of. */
export async function checkLogs<Command, Result>(
  spec: MachineSpec<Command, Result>,
  check: LogsToCheck<Command> & CoverageToCount<Command, Result>,
  afterFirst: () => Promise<void>,
): Promise<StateMachineCoverage> {
  const { logs, logEntriesMax, commands, seed } = check
  const values = generated(commands)
  const arrays = fc.tuple(
    fc.array(values, { maxLength: logEntriesMax, size: 'max' }),
    fc.array(values, { maxLength: Math.min(logEntriesMax, OTHERS_MAX), size: 'max' }),
  )
  const all: GeneratedLog<Command>[] = [{ commands: [], otherCommands: [], restoredAt: [0] }]
  for (const [offset, [log, otherCommands]] of fc.sample(arrays, { numRuns: logs, seed }).entries())
    all.push({ commands: log, otherCommands, restoredAt: restoresOf(log.length, offset) })
  const checked: CheckedLog<Command>[] = []
  const repeated: { readonly log: GeneratedLog<Command>; readonly expected: ExpectedRun }[] = []
  for (const [offset, log] of all.entries()) {
    if (offset === Math.min(FIRST_LOGS, logs)) await afterFirst()
    const expected = await checkLog(spec, plain(log)).catch(async (fault: unknown) => {
      const better = await missingInSnapshot(spec, all.slice(offset, offset + SEARCHED), fault)
      throw await smallestFault(spec, check, better?.log ?? log, better?.fault ?? fault)
    })
    if (repeated.length < REPEATED) repeated.push({ log, expected })
    checked.push({ commands: plain(log).commands, results: expected.results })
  }
  for (const { log, expected } of repeated)
    await repeatLog(spec, plain(log), expected).catch(async (fault: unknown) => {
      throw await smallestFault(spec, check, log, fault)
    })
  return countCoverage(spec, checked, check.coverage ?? {})
}

/**
 * Something that the snapshot lacks is also left over in a machine that is restored. Looks for a log in which a new machine lacks it,
 * which shows that better.
 */
async function missingInSnapshot<Command, Result>(
  spec: MachineSpec<Command, Result>,
  logs: readonly GeneratedLog<Command>[],
  fault: unknown,
): Promise<{ readonly log: GeneratedLog<Command>; readonly fault: MachineFault } | undefined> {
  const part = fault instanceof MachineFault && fault.rule === 'restore replaces' ? fault.part : undefined
  if (part?.type !== 'restore' || part.before === 'nothing') return undefined
  for (const log of logs) {
    const restoredAt = Array.from({ length: log.commands.length + 1 }, (_, number) => number)
    try {
      await checkLog(spec, { ...plain(log), restoredAt, pasts: ['nothing'] })
    } catch (other) {
      if (other instanceof MachineFault && other.rule === 'replay') return { log, fault: other }
    }
  }
  return undefined
}

/** The commands after which a snapshot is restored: others in each log. */
function restoresOf(length: number, offset: number): number[] {
  if (length <= ALL_RESTORED_MAX) return Array.from({ length: length + 1 }, (_, number) => number)
  const step = Math.ceil((length + 1) / RESTORES)
  const from = offset % step
  return Array.from({ length: Math.ceil((length + 1 - from) / step) }, (_, number) => from + number * step)
}

/** The commands of a generated log. */
export function plain<Command>({ commands, otherCommands, ...rest }: GeneratedLog<Command>): LogToCheck<Command> {
  const commandOf = ({ value }: Generated<Command>): Command => value
  return { ...rest, commands: commands.map(commandOf), otherCommands: otherCommands.map(commandOf) }
}

/** A fault with the smallest log found that shows it in its message. Any other error is returned as it is. */
export async function smallestFault<Command, Result>(
  spec: MachineSpec<Command, Result>,
  check: Pick<LogsToCheck<Command>, 'commands' | 'seed' | keyof ShrinkLimits>,
  log: GeneratedLog<Command>,
  fault: unknown,
  { note, budget = new ShrinkBudget(check) }: { readonly note?: string; readonly budget?: ShrinkBudget } = {},
): Promise<unknown> {
  if (!(fault instanceof MachineFault)) return fault
  // They are a log of their own, which has not been checked yet.
  const failing = fault.isOfOtherCommands ? { commands: log.otherCommands, otherCommands: [], restoredAt: [] } : log
  return describeFault(await shrinkLog(spec, check.commands, failing, fault, budget), check.seed, {
    ended: budget.ended,
    note,
  })
}

/** The fault with the commands that show it, and how to repeat the check, in its message. */
export function describeFault<Command>(
  { fault, commands, contexts, otherCommands, isRepeated }: FaultyLog<Command>,
  seed: number,
  { ended, note }: { readonly ended?: string | undefined; readonly note?: string | undefined } = {},
): MachineFault {
  const lines = [
    fault.message,
    '',
    ...(commands.length === 0 ? ['No command is needed.'] : ['The commands:', ...commandLines(commands, contexts)]),
    ...(otherCommands.length === 0 ? [] : ['', 'The other commands:', ...commandLines(otherCommands)]),
    ...(isRepeated ? [] : ['', NOT_REPEATED]),
    ...(ended === undefined ? [] : ['', `Shrinking ended after ${ended}: there may be fewer and simpler commands.`]),
    ...(note === undefined ? [] : ['', note]),
    '',
    `To repeat: checkStateMachine(…, { seed: ${seed} })`,
  ]
  // Not the fault itself as the cause: test runners would print its message again.
  const described = new MachineFault(fault.rule, commands.length, lines.join('\n'), fault.cause)
  described.shown = { commands, contexts, otherCommands, part: fault.part }
  return described
}

const NOT_REPEATED = 'The same commands did not show it again, so they could not be shrunk.'

function commandLines(commands: readonly unknown[], contexts?: readonly EntryPlace[]): string[] {
  return commands.map((command, offset) => {
    const context = contexts?.[offset]
    const place = context === undefined ? '' : `  (index ${context.index}, term ${context.term})`
    return `  ${offset + 1}  ${formatCommand(command)}${place}`
  })
}

export function formatCommand(command: unknown): string {
  return formatValue(command)
}
