/** What is wrong with a state machine: the rule that it breaks, where, and what to do. */

export type MachineRule =
  | 'deterministic'
  | 'forbidden call'
  | 'throws'
  | 'synchronous'
  | 'settles'
  | 'input'
  | 'handed out'
  | 'codec'
  | 'own state'
  | 'bytes'
  | 'restore replaces'
  | 'snapshot is of its moment'
  | 'replay'
  | 'query'
  | 'another process'

export class MachineFault extends Error {
  readonly rule: MachineRule
  /** How many commands of the log it needs. */
  readonly commands: number

  constructor(rule: MachineRule, commands: number, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'MachineFault'
    this.rule = rule
    this.commands = commands
  }
}

/** What was thrown, with the place if there is one. */
export function formatThrown(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
}
