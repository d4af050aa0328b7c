/** How messages and pages show the commands, results and states of the state machine of a run. */

export interface MachineTexts {
  /** The command of this name, such as w3. */
  command(name: string): string
  /** The query of this name, such as r3. */
  query(name: string): string
  result(result: string): string
  answer(answer: string): string
  /** Two results that differ. */
  results(one: string, other: string): readonly [string, string]
  /** A snapshot. By default its text, if it is one. */
  state?(state: string): string
  /** Two snapshots that differ. Undefined if they have no text. */
  states?(one: string, other: string): readonly [string, string]
}

/** Everything as it is in the observations. */
export const PLAIN_TEXTS: MachineTexts = {
  command: (name) => name,
  query: (name) => name,
  result: (result) => result,
  answer: (answer) => answer,
  results: (one, other) => [one, other],
}
