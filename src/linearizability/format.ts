/** Formats operations, results and states, short enough for a table cell. */
import type { RecordedCall } from './history.ts'
import { inspectBriefly } from './values.ts'

/** Formats `{ type: 'put', key: 'x', value: 1 }`, as the built-in models use it, as `put('x', 1)`; inspects anything else. */
export function formatOperation(operation: unknown): string {
  if (typeof operation !== 'object' || operation === null || !('type' in operation)) return formatValue(operation)
  const { type, ...rest } = operation
  return `${type}(${Object.values(rest).map(formatValue).join(', ')})`
}

export function formatValue(value: unknown): string {
  return inspectBriefly(value)
}

export function formatAnswer({ answer }: RecordedCall<unknown, unknown>): string {
  if (answer === undefined) return 'no answer'
  return answer.type === 'ok' ? formatValue(answer.result) : answer.type
}

export function formatCall({ client, operation }: RecordedCall<unknown, unknown>): string {
  return `client ${client} ${formatOperation(operation)}`
}
