/** The page docs/reference/performance.md, written from one run. */
import { advantageOf, formatFigure, formatRatio } from '../figures.ts'
import { METRICS, type Measurement, type MetricName, type Result } from '../measurement.ts'
import type { BenchDocument } from './document.ts'
import { factsOf, READING, warningOf } from './facts.ts'
import { columnsOf, comparedMetrics, rowsOf } from './rows.ts'

/** Smaller differences are within the noise. */
const LOSS_MAX = 0.95

export function performancePage(document: BenchDocument): string {
  return `# Performance

Written by \`make bench ARGS="--write-docs"\` from one run; [bench/README.md](../../bench/README.md) describes the tool.

${[...warningOf(document), READING].join('\n\n')}

${tableOf(['', 'this run'], factsOf(document))}

${tableOf(
  ['system', 'what it is', 'measured'],
  document.systems.map(({ name, description, missing }) => [name, description, missing ?? 'yes']),
)}

## Where a peer is better

${lossesOf(document.measurements)}
${document.measurements.map(sectionOf).join('\n')}`
}

function sectionOf(measurement: Measurement): string {
  const rows = rowsOf(measurement).map((row) => [row.case, row.system, ...row.cells])
  return `
## ${measurement.title}

${measurement.note}

${tableOf(['', 'system', ...columnsOf(measurement)], rows)}
`
}

/** Each case in which a peer is better than the reference, with the figures in which it is. */
function lossesOf(measurements: readonly Measurement[]): string {
  const rows = measurements.flatMap(({ part, metrics, cases }) =>
    cases.flatMap(({ name, results }) =>
      results.flatMap((result) => {
        const figures = comparedMetrics(metrics).flatMap((metric) => lossOf(metric, results[0], result))
        return figures.length === 0 ? [] : [[`${part}: ${name}`, result.system, figures.join('; ')]]
      }),
    ),
  )
  if (rows.length === 0) return `Nowhere in this run: no advantage over a peer is below ${LOSS_MAX}.`
  return `Every figure of this run in which a peer is better than the first system of the table, by an advantage below ${LOSS_MAX}:

${tableOf(['case', 'peer', 'ours / the peer (advantage)'], rows)}`
}

function lossOf(metric: MetricName, reference: Result | undefined, { kind, medians, ratios }: Result): string[] {
  const advantage = advantageOf(metric, ratios[metric])
  if (kind !== 'peer' || advantage === undefined || advantage >= LOSS_MAX) return []
  const [ours, other] = [reference?.medians[metric], medians[metric]].map((value) => formatFigure(metric, value))
  const { title, unit } = METRICS[metric]
  return [`${title} ${ours} / ${other} ${unit} (${formatRatio(advantage)})`]
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n')
}
