/** Operations, results and states in words short enough to stand in a table. */
import { inspect } from 'node:util'
import type { RecordedCall } from './history.ts'

/** The ready-made models' `{ type: 'put', key: 'x', value: 1 }` is `put('x', 1)`; anything else is shown as it is. */
export function formatOperation(operation: unknown): string {
  if (typeof operation !== 'object' || operation === null || !('type' in operation)) return formatValue(operation)
  const { type, ...rest } = operation
  return `${type}(${Object.values(rest).map(formatValue).join(', ')})`
}

export function formatValue(value: unknown): string {
  return inspect(value, { depth: 4, breakLength: Number.POSITIVE_INFINITY, maxArrayLength: 8, maxStringLength: 40 })
}

export function formatAnswer({ answer }: RecordedCall<unknown, unknown>): string {
  if (answer === undefined) return 'nothing yet'
  return answer.type === 'ok' ? formatValue(answer.result) : answer.type
}

/** Who called what. */
export function formatCall({ client, operation }: RecordedCall<unknown, unknown>): string {
  return `client ${client} ${formatOperation(operation)}`
}
