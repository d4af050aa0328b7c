/** The options of `checkStateMachine`: what they are, how they are checked, and their defaults. */
import type { Arbitrary } from 'fast-check'
import type { Codec, StateMachine } from '../../contracts/state-machine.ts'
import { checkFunction, checkInteger, checkString, throwOnProblems } from '../../platform/options.ts'
import {
  checkArbitrary,
  checkCodec,
  checkNames,
  checkOptions,
  checkSeed,
  checkStrings,
  type OptionTable,
} from '../option-checks.ts'
import { RUNS_DIRECTORY } from '../run-files/write-run.ts'
import type { MachineModule } from './child-process.ts'
import type { CoverageOptions } from './coverage.ts'
import type { GuardedKind } from './forbidden-call.ts'
import { GUARDED_KINDS } from './forbidden-call.ts'
import type { ReferenceModel } from './machine-harness.ts'

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
  /** Directory for run files of failed clusters and for pages; `quorate-runs` in the system's temporary directory by default. */
  readonly directory?: string | undefined
  /** The step limit of the linearizability check of one cluster's history. Default 200,000. */
  readonly stepsMax?: number | undefined
}

/** The options that have a default. */
interface DefaultedOptions {
  readonly logs: number
  readonly logEntriesMax: number
  readonly runs: number
  readonly seed: number
  readonly deadlineMs: number
  readonly shrinksMax: number
  readonly shrinkMsMax: number
  readonly stepsMax: number
  readonly directory: string
}

const DEFAULTS: DefaultedOptions = {
  logs: 300,
  logEntriesMax: 30,
  runs: 30,
  seed: 1,
  deadlineMs: 2000,
  shrinksMax: 1000,
  shrinkMsMax: 5000,
  stepsMax: 200_000,
  directory: RUNS_DIRECTORY,
}

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
    directory: checkString,
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

/** The options with all defaults filled in. The types of queries and answers are erased. */
export type ResolvedCheck<Command, Result> = Omit<
  StateMachineCheck<Command, Result, unknown, unknown, never>,
  keyof DefaultedOptions
> &
  DefaultedOptions

/** Checks the options and fills in the defaults. */
export function withDefaults<Command, Result, Query, Answer, Machine>(
  machine: () => StateMachine<Command, Result, Query, Answer>,
  options: StateMachineCheck<Command, Result, Query, Answer, Machine>,
): ResolvedCheck<Command, Result> {
  const problem = checkFunction(machine)
  if (problem !== undefined) throwOnProblems([{ path: 'the machine', problem: `${problem}: pass () => new Machine()` }])
  checkOptions(options, OPTIONS)
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  return { ...DEFAULTS, commands: options.commands, ...given }
}
