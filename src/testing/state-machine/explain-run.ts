/** Explains a failed run of a cluster by its log: what happens if one machine applies it, and is restored from its snapshots. */
import type { LogIndex, Term } from '../../core/types.ts'
import type { RunToExplain } from '../check-runs.ts'
import { ShrinkBudget } from '../shrink-budget.ts'
import { checkLog } from './check-log.ts'
import type { LogsToCheck } from './check-logs.ts'
import { formatCommand, plain, smallestFault } from './check-logs.ts'
import { formatBoth } from './format-bytes.ts'
import { MachineFault } from './machine-fault.ts'
import type { MachineSpec } from './machine-harness.ts'
import type { CheckedMachine, MachineUnderTest } from './machine-under-test.ts'
import type { Generated, GeneratedLog } from './shrink-log.ts'

/** Maximum number of snapshots of the log that are restored. */
const RESTORES_MAX = 100

interface RunEntry {
  readonly index: LogIndex
  readonly term: Term
  readonly number: number
}

/** Two machines of a run that returned different results for the same entry. */
interface ResultDifference {
  readonly entry: RunEntry
  readonly results: readonly [string, string]
}

/** The log that the machines of the current run have applied, including a command that one of them failed to apply. */
export class RunLog {
  readonly #entries = new Map<LogIndex, RunEntry>()
  readonly #results = new Map<LogIndex, string>()
  #difference: ResultDifference | undefined

  /** A run begins. */
  clear(): void {
    this.#entries.clear()
    this.#results.clear()
    this.#difference = undefined
  }

  /** The first entry, in log order, with two different results. */
  get difference(): ResultDifference | undefined {
    return this.#difference
  }

  get entries(): readonly RunEntry[] {
    return [...this.#entries.values()].sort((one, other) => one.index - other.index)
  }

  /** The same machine, whose commands are recorded here. */
  recording(machine: MachineUnderTest): MachineUnderTest {
    return { ...machine, make: () => this.#recorded(machine.make()) }
  }

  #recorded(machine: CheckedMachine): CheckedMachine {
    return {
      ...machine,
      apply: (number, context) => {
        const { index, term } = context
        const entry = { index, term, number }
        if (!this.#entries.has(index)) this.#entries.set(index, entry)
        const result = machine.apply(number, context)
        const other = this.#results.get(index)
        this.#results.set(index, other ?? result)
        if (other !== undefined && other !== result && index < (this.#difference?.entry.index ?? Infinity))
          this.#difference = { entry, results: [other, result] }
        return result
      },
    }
  }
}

/** A failed run of a cluster. */
export interface FailedRun<Command> extends RunToExplain {
  readonly log: RunLog
  /** The command of this number. */
  commandOf(number: number): Generated<Command>
}

/**
 * Checks the log of a failed run without a cluster. Returns the smallest log that shows a fault of the machine; undefined if the log
 * alone shows none.
 */
export async function explainRun<Command, Result>(
  spec: MachineSpec<Command, Result>,
  check: LogsToCheck<Command>,
  run: FailedRun<Command>,
): Promise<Error | undefined> {
  const { failure, commandOf } = run
  const { entries, difference } = run.log
  const step = Math.max(1, Math.ceil(entries.length / RESTORES_MAX))
  const log: GeneratedLog<Command> = {
    commands: entries.map(({ number }) => commandOf(number)),
    contexts: entries.map(({ index, term }) => ({ index, term })),
    otherCommands: [],
    restoredAt: Array.from({ length: Math.floor(entries.length / step) + 1 }, (_, offset) => offset * step),
  }
  const violation =
    (failure instanceof Error ? failure.message : String(failure)).split('\n', 1)[0]?.replace(/:$/, '.') ?? ''
  const budget = new ShrinkBudget(check)
  try {
    await checkLog(spec, { ...plain(log), mayRestore: () => !budget.isTimeOver })
  } catch (fault) {
    const note = `A simulated cluster applied these commands and others, and failed: ${violation}\n${await run.writeFiles()}`
    const smallest = await smallestFault(spec, check, log, fault, { note, budget })
    return smallest instanceof MachineFault ? smallest : undefined
  }
  return (await run.isRepeated()) ? undefined : notRepeated(spec, difference, commandOf, violation, check.seed)
}

/** With the same seed a cluster does the same. Only the machine can have behaved differently. */
function notRepeated<Command, Result>(
  { resultCodec }: MachineSpec<Command, Result>,
  difference: ResultDifference | undefined,
  commandOf: FailedRun<Command>['commandOf'],
  violation: string,
  seed: number,
): MachineFault {
  const lines = [`a simulated cluster failed, and with the same seed it did not fail again. ${OUTSIDE_ADVICE}`, '']
  if (difference !== undefined) {
    const { entry, results } = difference
    const [first, second] = results.map((result) => Buffer.from(result, 'latin1'))
    const [one, other] = formatBoth(first as Buffer, second as Buffer, (bytes) => resultCodec.decode(bytes))
    lines.push(`The first command with different results returned ${one} on one machine and ${other} on another:`)
    lines.push(`  ${formatCommand(commandOf(entry.number).value)}  (index ${entry.index}, term ${entry.term})`, '')
  }
  lines.push(`The violation: ${violation}`, '', `To repeat: checkStateMachine(…, { seed: ${seed} })`)
  return new MachineFault('no shared state', 0, lines.join('\n'))
}

const OUTSIDE_ADVICE =
  'The machine depends on something outside of it, such as a variable of the module or class, a cache, or a clock that was stored before the check: keep all state in fields of the machine.'
