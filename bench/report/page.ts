/** The page docs/reference/performance.md, written from one run. */
import { advantageOf, formatFigure, formatRatio } from '../figures.ts'
import { METRICS, type Measurement } from '../measurement.ts'
import type { BenchDocument } from './document.ts'
import { factsOf, READING } from './facts.ts'
import { columnsOf, comparedMetrics, rowsOf } from './rows.ts'

/** Smaller differences are within the noise. */
const LOSS_MAX = 0.95

export function performancePage(document: BenchDocument): string {
  return `# Performance

Written by \`make bench ARGS="--write-docs"\` from one run; [bench/README.md](../../bench/README.md) describes the tool.

${READING}

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

/** Each comparison with a peer that the reference loses. */
function lossesOf(measurements: readonly Measurement[]): string {
  const rows = measurements.flatMap(({ metrics, cases, title }) =>
    cases.flatMap(({ name, results }) =>
      comparedMetrics(metrics).flatMap((metric) =>
        results.flatMap(({ system, kind, medians, ratios }) => {
          const advantage = advantageOf(metric, ratios[metric])
          if (kind !== 'peer' || advantage === undefined || advantage >= LOSS_MAX) return []
          const [own, other] = [results[0]?.medians[metric], medians[metric]].map((value) =>
            formatFigure(metric, value),
          )
          const { unit, title: column } = METRICS[metric]
          const part = title.split(/[:,]/)[0] ?? title
          return [
            [
              `${part}: ${name}`,
              column,
              system,
              `${own} ${unit}`.trim(),
              `${other} ${unit}`.trim(),
              formatRatio(advantage),
            ],
          ]
        }),
      ),
    ),
  )
  if (rows.length === 0) return 'Nowhere in this run, beyond the noise.'
  return `Every comparison of this run in which a peer is better than the first system of the table by more than the noise (an advantage below ${LOSS_MAX}):

${tableOf(['case', 'figure', 'peer', 'ours', 'the peer', 'advantage'], rows)}`
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n')
}
