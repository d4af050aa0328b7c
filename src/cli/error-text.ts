/** An error as a person reads it, and as a program does. */
import { isRaftError, type RaftError } from '../errors.ts'

/** Where a code is explained. */
const DOCUMENT = 'docs/reference/errors.md'

/** Several lines: what and why, the facts, what to do, where to read on. */
export function errorText(error: unknown): string {
  if (!isRaftError(error)) return `error: ${messageOf(error)}\n`
  const lines = [`error[${error.code}]: ${error.message}`]
  const facts = { ...wordsOf(error), hint: error.hint, docs: `${DOCUMENT}#${error.code.toLowerCase()}` }
  const width = Math.max(...Object.keys(facts).map((name) => name.length)) + 1
  for (const [name, value] of Object.entries(facts))
    if (value !== undefined) lines.push(`  ${`${name}:`.padEnd(width)} ${value}`)
  return `${lines.join('\n')}\n`
}

/** One line of JSON of a stable shape. */
export function errorJson(error: unknown, exitCode: number): string {
  const facts = isRaftError(error)
    ? {
        code: error.code,
        message: error.message,
        outcome: error.outcome,
        retryable: error.retryable,
        leader: error.leader,
        hint: error.hint,
        details: error.details,
        docs: `${DOCUMENT}#${error.code.toLowerCase()}`,
      }
    : { message: messageOf(error) }
  return `${JSON.stringify({ schema: 'quorate.error/v1', exitCode, error: facts })}\n`
}

/** Only what a person is not told by the message already: the outcome when it is in doubt, and who leads. */
function wordsOf(error: RaftError): Record<string, string | undefined> {
  const { leader, outcome } = error
  return {
    outcome:
      outcome === 'unknown' ? 'unknown: it may or may not have been applied; read back before trying again' : undefined,
    leader: leader === undefined ? undefined : [leader.id, leader.address].filter(Boolean).join(' at '),
  }
}

function messageOf(error: unknown): string {
  if (error instanceof Error) return error.stack ?? error.message
  return String(error)
}
