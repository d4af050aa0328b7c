/** The error for a faulty state machine: the violated rule, the command that shows it, and what to do. */

export type MachineRule =
  | 'deterministic'
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
  | 'another process'

export class MachineFault extends Error {
  readonly rule: MachineRule
  /** The number of commands of the log that are needed to show the fault. */
  readonly commands: number

  constructor(rule: MachineRule, commands: number, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'MachineFault'
    this.rule = rule
    this.commands = commands
  }
}

/** The stack of a thrown error, or the thrown value as text. */
export function formatThrown(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
}
