/** `quorate metrics list`: every metric with its meaning. */
import { METRICS } from '../../metrics/definitions.ts'
import { PROCESS_METRICS } from '../../metrics/process-metrics.ts'
import { plainTable } from '../plain-table.ts'
import type { Terminal } from '../terminal.ts'

export function metricsList(terminal: Terminal, format: 'text' | 'json'): void {
  const metrics = [
    ...Object.values(METRICS).map((each) => ({ ...each, labels: ['cluster', 'node', ...each.labels] })),
    ...PROCESS_METRICS,
  ].map(({ name, type, labels, help }) => ({ name, type, labels, help }))
  if (format === 'json') return terminal.out(`${JSON.stringify({ schema: 'quorate.metrics/v1', metrics })}\n`)
  const rows = metrics.map(({ name, type, labels, help }) => [name, type, labels.join(','), help])
  terminal.out(`${plainTable(rows, ['METRIC', 'TYPE', 'LABELS', 'MEANING'])}\n`)
}
