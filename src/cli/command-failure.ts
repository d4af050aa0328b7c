/** An expected failure of a command, such as a missing key: one sentence and an exit code, without a stack. */
import { EXIT } from './exit-codes.ts'

export class CommandFailure extends Error {
  readonly exitCode: number
  readonly hint: string | undefined

  constructor(message: string, options: { readonly exitCode?: number; readonly hint?: string } = {}) {
    super(message)
    this.name = 'CommandFailure'
    this.exitCode = options.exitCode ?? EXIT.failure
    this.hint = options.hint
  }
}

/** Compares the name, because a module that is loaded twice has two classes. */
export function isCommandFailure(error: unknown): error is CommandFailure {
  return error instanceof Error && error.name === 'CommandFailure'
}
