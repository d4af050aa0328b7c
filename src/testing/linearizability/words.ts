/** Operations, results and states in words short enough to stand in a table. */
import { inspect } from 'node:util'
import type { RecordedCall } from './history.ts'

/** The ready-made models' `{ type: 'put', key: 'x', value: 1 }` is `put('x', 1)`; anything else is shown as it is. */
export function wordsOfOperation(operation: unknown): string {
  if (typeof operation !== 'object' || operation === null || !('type' in operation)) return wordsOf(operation)
  const { type, ...rest } = operation
  return `${type}(${Object.values(rest).map(wordsOf).join(', ')})`
}

export function wordsOf(value: unknown): string {
  return inspect(value, { depth: 4, breakLength: Number.POSITIVE_INFINITY, maxArrayLength: 8, maxStringLength: 40 })
}

export function wordsOfAnswer({ answer }: RecordedCall<unknown, unknown>): string {
  if (answer === undefined) return 'nothing yet'
  return answer.type === 'ok' ? wordsOf(answer.result) : answer.type
}

/** Who called what. */
export function wordsOfCall({ client, operation }: RecordedCall<unknown, unknown>): string {
  return `client ${client} ${wordsOfOperation(operation)}`
}
