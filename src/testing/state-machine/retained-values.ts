/** The values that passed between a machine and its callers, who may still hold them: each must keep the bytes that it had. */
import { MachineFault } from './machine-fault.ts'

/** A command or a result, and its bytes at the time of its call. */
export interface RetainedValue {
  readonly number: number
  readonly bytes: Buffer
  encode(): Uint8Array
}

/** The encoded answer to a query: a copy of its bytes, and the bytes that the codec returned. */
interface RetainedAnswer {
  /** The query and when it was asked. */
  readonly description: string
  readonly bytes: Buffer
  readonly encoded: Uint8Array
}

export class RetainedValues {
  readonly #commands: RetainedValue[] = []
  readonly #results: RetainedValue[] = []
  readonly #answers: RetainedAnswer[] = []

  add(command: RetainedValue, result: RetainedValue): void {
    this.#commands.push(command)
    this.#results.push(result)
  }

  /** An answer that is no bytes is encoded at once: only its bytes can change. */
  addAnswer(answer: RetainedAnswer): void {
    this.#answers.push(answer)
  }

  /** Forgets the commands and results before a restore. */
  clear(): void {
    this.#commands.length = 0
    this.#results.length = 0
  }

  /** Throws if a command or a result was changed after its call. */
  check(lastApplied: number): void {
    const command = this.#commands.find(isChanged)
    if (command !== undefined)
      throw new MachineFault(
        'input unchanged',
        lastApplied,
        `command ${command.number} was kept and then changed by a later command (up to command ${lastApplied}). It shares its bytes with the log. Keep a copy.`,
      )
    const result = this.#results.find(isChanged)
    if (result !== undefined)
      throw new MachineFault(
        'output unchanged',
        lastApplied,
        `the result of command ${result.number} was changed by a later command (up to command ${lastApplied}), while its caller still holds it. Return a copy.`,
      )
  }

  /** Throws if the bytes of an answer were changed after its call. */
  checkAnswers(lastApplied: number): void {
    const changed = this.#answers.find(({ bytes, encoded }) => Buffer.compare(bytes, encoded) !== 0)
    if (changed !== undefined)
      throw new MachineFault(
        'output unchanged',
        lastApplied,
        `the answer of ${changed.description} was changed by a later command (up to command ${lastApplied}), while it is being sent. Return a copy of the bytes.`,
      )
  }
}

/** Also true if the value can no longer be encoded. */
export function isChanged({ bytes, encode }: RetainedValue): boolean {
  try {
    return Buffer.compare(bytes, encode()) !== 0
  } catch {
    return true
  }
}
