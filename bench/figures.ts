/** Summarizes figures of rounds, and formats them. */
import { type Figures, METRICS, type MetricName, type Result, type Round } from './measurement.ts'

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] as number)) / 2
}

export function thousands(value: number): string {
  return value >= 10_000
    ? `${(value / 1000).toFixed(0)}k`
    : value >= 1000
      ? `${(value / 1000).toFixed(1)}k`
      : value.toFixed(0)
}

/** A figure with as many digits as its unit deserves, without the unit. */
export function formatFigure(metric: MetricName, value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '–'
  const { unit } = METRICS[metric]
  if (unit === '/s') return thousands(value)
  if (unit === 'MiB') return (value / 1024 / 1024).toFixed(0)
  if (unit === 'MB/s') return digits(value / 1e6)
  if (unit === '') return value.toFixed(0)
  return digits(value)
}

/** The figure in the unit of its metric. */
export function inUnit(metric: MetricName, value: number): number {
  const { unit } = METRICS[metric]
  return unit === 'MiB' ? value / 1024 / 1024 : unit === 'MB/s' ? value / 1e6 : value
}

export function formatRatio(value: number | undefined): string {
  return value === undefined || !Number.isFinite(value) ? '–' : digits(value)
}

function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/** A ratio as an advantage of the reference: above 1 it is better. Undefined for a metric that is neither good nor bad. */
export function advantageOf(metric: MetricName, ratio: number | undefined): number | undefined {
  const { better } = METRICS[metric]
  if (ratio === undefined || better === undefined || !(ratio > 0)) return undefined
  return better === 'higher' ? ratio : 1 / ratio
}

export function mediansOf(rounds: readonly Round[], metrics: readonly MetricName[]): Figures {
  return figuresOf(metrics, (metric) => {
    const values = rounds.map(({ figures }) => figures[metric]).filter((value) => value !== undefined)
    return values.length === 0 ? undefined : median(values)
  })
}

/** The ratios of the rounds that both have. */
export function ratiosOf(
  reference: readonly Round[],
  rounds: readonly Round[],
  metrics: readonly MetricName[],
): Figures {
  return figuresOf(metrics, (metric) => {
    const ratios = rounds.flatMap(({ figures }, at) => {
      const ratio = (reference[at]?.figures[metric] ?? Number.NaN) / (figures[metric] ?? Number.NaN)
      return Number.isFinite(ratio) ? [ratio] : []
    })
    return ratios.length === 0 ? undefined : median(ratios)
  })
}

export function noiseOf(rounds: readonly Round[], metric: MetricName): number | undefined {
  const values = rounds.map(({ figures }) => figures[metric]).filter((value) => value !== undefined)
  return values.length < 2 ? undefined : Math.max(...values) / Math.min(...values)
}

export function busyCoresOf(results: readonly Result[]): number[] {
  return results.flatMap(({ rounds }) => rounds.map(({ busyCores }) => busyCores))
}

function figuresOf(metrics: readonly MetricName[], of: (metric: MetricName) => number | undefined): Figures {
  const entries = metrics.map((metric) => [metric, of(metric)] as const).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries)
}
