/** A command that did not find or could not change what it was asked to: an ordinary outcome, with an exit code and a sentence. */
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

/** By its name: a module that is loaded twice has two classes. */
export function isCommandFailure(error: unknown): error is CommandFailure {
  return error instanceof Error && error.name === 'CommandFailure'
}
