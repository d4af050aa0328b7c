/** A measurement as rows of text, for every kind of report. */
import { advantageOf, formatFigure, formatRatio } from '../figures.ts'
import { METRICS, type Measurement, type MetricName, type Result } from '../measurement.ts'

export interface Row {
  /** Empty if it is that of the row before. */
  readonly case: string
  readonly kind: Result['kind']
  readonly system: string
  readonly cells: readonly string[]
}

/** The columns after the case and the system. */
export function columnsOf({ metrics }: Measurement): string[] {
  const ratios = comparedMetrics(metrics)
  return [
    ...metrics.map((metric) => [METRICS[metric].title, METRICS[metric].unit].filter((word) => word !== '').join(' ')),
    ...ratios.map((metric) => `${METRICS[metric].title} ×`),
    'noise',
  ]
}

export function rowsOf({ metrics, cases }: Measurement): Row[] {
  return cases.flatMap(({ name, results }) =>
    results.map((result, at) => ({
      case: at === 0 ? name : '',
      kind: result.kind,
      system: result.system,
      cells: cellsOf(result, metrics, at === 0),
    })),
  )
}

/** The metrics whose ratio to the reference is shown: the first, the latencies, and the CPU time. */
export function comparedMetrics(metrics: readonly MetricName[]): MetricName[] {
  const wanted: ReadonlySet<MetricName> = new Set(['p50Ms', 'p99Ms', 'cpuMicrosecondsPerOp', 'rssBytes', 'p99DuringMs'])
  return metrics.filter((metric, at) => METRICS[metric].better !== undefined && (at === 0 || wanted.has(metric)))
}

function cellsOf(result: Result, metrics: readonly MetricName[], isReference: boolean): string[] {
  const failure = result.rounds.find((round) => round.failure !== undefined)?.failure
  const figures = metrics.map((metric) => formatFigure(metric, result.medians[metric]))
  if (failure !== undefined && result.rounds.every((round) => round.failure !== undefined))
    figures[0] = `failed: ${failure}`
  const ratios = comparedMetrics(metrics).map((metric) =>
    isReference ? '1' : formatRatio(advantageOf(metric, result.ratios[metric])),
  )
  return [...figures, ...ratios, result.noise === undefined ? '–' : `${formatRatio(result.noise)}×`]
}
