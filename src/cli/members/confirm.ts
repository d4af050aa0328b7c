/** Asks before a change that can do harm. */
import { CommandFailure } from '../command-failure.ts'
import { EXIT } from '../exit-codes.ts'
import type { Terminal } from '../terminal.ts'

/** Throws unless the answer is yes, or `isConfirmed`: the flag --yes. */
export async function confirm(terminal: Terminal, question: string, isConfirmed: boolean): Promise<void> {
  if (isConfirmed) return
  const answer = await terminal.ask(`${question} [y/N] `)
  if (answer === undefined)
    throw new CommandFailure('this needs a confirmation, but standard input is not a terminal', {
      exitCode: EXIT.usage,
      hint: 'pass --yes',
    })
  if (!/^y(es)?$/i.test(answer.trim())) throw new CommandFailure('nothing was changed')
}
