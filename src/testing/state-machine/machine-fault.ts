/** The error for a faulty state machine: the violated rule, the command that shows it, and what to do. */

import type { ApplyContext } from '../../contracts/state-machine.ts'
import { isOfThisPackage } from './call-site.ts'
import { isPromise } from './is-promise.ts'

export type MachineRule =
  | 'deterministic'
  | 'clock'
  | 'forbidden call'
  | 'throws'
  | 'synchronous'
  | 'settles'
  | 'input unchanged'
  | 'output unchanged'
  | 'codec'
  | 'no shared state'
  | 'bytes'
  | 'restore replaces'
  | 'snapshot isolation'
  | 'replay'
  | 'query'
  | 'digest'
  | 'invariant'
  | 'model'
  | 'another process'

/** What a machine did before it is restored: nothing; some of the commands up to the snapshot; other commands; the whole log. */
export type BeforeRestore = 'nothing' | 'less' | 'other commands' | 'more'

/** A restore from the snapshot after command `at`. */
export interface RestorePart {
  readonly type: 'restore'
  readonly at: number
  readonly before: BeforeRestore
  /** With 'less', the number of commands that the machine has applied before. */
  readonly less: number
}

/** The part of the check of a log that found a fault. A smaller log must fail in the same part. */
export type LogPart =
  | { readonly type: 'run' | 'repeat' | 'invariant' | 'digests' | 'snapshots' | 'queries' }
  | RestorePart

/** The place of an entry in the log. */
export type EntryPlace = Omit<ApplyContext, 'machineVersion'>

/** What another process did with a log, as far as it came. */
export interface OtherRun {
  /** The results of the commands that returned. */
  readonly results: readonly Buffer[]
  readonly finalSnapshot: Buffer | undefined
  /** What it threw, and at which command: 0 while the machine was created, and one more than there are commands in `snapshot()`. */
  readonly threw: { readonly number: number; readonly error: string } | undefined
}

/** The commands that a message lists. */
export interface ShownLog {
  readonly commands: readonly unknown[]
  readonly contexts: readonly EntryPlace[] | undefined
  readonly otherCommands: readonly unknown[]
  readonly part: LogPart | undefined
  /** Undefined if the fault was found in this process. */
  readonly other?: OtherRun | undefined
}

export class MachineFault extends Error {
  readonly rule: MachineRule
  /** The number of commands of the log that are needed to show the fault. */
  readonly commands: number
  /** Undefined if the fault was not found by the check of a log. */
  part: LogPart | undefined
  /** Undefined if the message lists no commands, or if only another process can apply them. */
  shown: ShownLog | undefined
  /** Whether the other commands of the log show the fault, and not the log. */
  isOfOtherCommands = false

  constructor(rule: MachineRule, commands: number, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'MachineFault'
    this.rule = rule
    this.commands = commands
    this.part = undefined
    this.shown = undefined
  }
}

/** The stack of a thrown error up to the call by this package, or the thrown value as text. */
export function formatThrown(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  const lines = (thrown.stack ?? thrown.message).split('\n')
  const ended = lines.findIndex((line) => /^\s+at /.test(line) && isOfThisPackage(line))
  return lines.slice(0, ended < 0 ? undefined : ended).join('\n')
}

/** What an invariant returned or threw if it does not hold. */
export function problemOf(checkInvariant: () => unknown): string | undefined {
  try {
    const returned = checkInvariant()
    if (isPromise(returned)) return 'invariant() returned a promise: it must be synchronous'
    return returned === false ? 'invariant() returned false' : undefined
  } catch (thrown) {
    return `invariant() threw ${formatThrown(thrown)}`
  }
}
