/** Formats operations, results and states, short enough for a table cell. */
import { inspect } from 'node:util'
import type { RecordedCall } from './history.ts'

/** Formats `{ type: 'put', key: 'x', value: 1 }`, as the built-in models use it, as `put('x', 1)`; inspects anything else. */
export function formatOperation(operation: unknown): string {
  if (typeof operation !== 'object' || operation === null || !('type' in operation)) return formatValue(operation)
  const { type, ...rest } = operation
  return `${type}(${Object.values(rest).map(formatValue).join(', ')})`
}

export function formatValue(value: unknown): string {
  return inspect(value, { depth: 4, breakLength: Number.POSITIVE_INFINITY, maxArrayLength: 8, maxStringLength: 40 })
}

export function formatAnswer({ answer }: RecordedCall<unknown, unknown>): string {
  if (answer === undefined) return 'no answer'
  return answer.type === 'ok' ? formatValue(answer.result) : answer.type
}

export function formatCall({ client, operation }: RecordedCall<unknown, unknown>): string {
  return `client ${client} ${formatOperation(operation)}`
}
