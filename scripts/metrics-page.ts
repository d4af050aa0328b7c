/** Writes docs/reference/metrics.md from the table of the metrics in the source. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MetricDefinition } from '../src/metrics/definitions.ts'
import { METRICS } from '../src/metrics/definitions.ts'
import { PROCESS_METRICS } from '../src/metrics/process-metrics.ts'

export const METRICS_PAGE: string = join(import.meta.dirname, '../docs/reference/metrics.md')

export function metricsPage(): string {
  return `${[
    '# Metrics',
    '',
    '`quorate serve --http` serves these at `/metrics`, and `NodeMetrics` of `quorate/metrics` collects them for a node of your own',
    '([how to monitor a cluster](../how-to/monitor.md)). `quorate metrics list` prints the same table. `make fix` writes this page from the source.',
    '',
    'Times are in seconds and sizes in bytes. Every metric of a node has the labels `cluster` and `node`, beside those listed. A label `peer` has only members as',
    'values, so that their number is bounded. Metrics of a leader are missing on other nodes.',
    '',
    '## A node',
    '',
    ...table(Object.values(METRICS)),
    '',
    '## The process',
    '',
    'From `prom-client`, without the labels of a node. There are more; these are the ones to watch.',
    '',
    ...table(PROCESS_METRICS),
  ].join('\n')}\n`
}

function table(metrics: readonly MetricDefinition[]): string[] {
  const rows = metrics.map(({ name, type, labels, help }) => {
    const more = labels.map((label) => `\`${label}\``).join(', ')
    return `| \`${name}\` | ${type} | ${more} | ${help} |`
  })
  return ['| name | type | labels | meaning |', '|---|---|---|---|', ...rows]
}

if (process.argv[1] === import.meta.filename) writeFileSync(METRICS_PAGE, metricsPage())
