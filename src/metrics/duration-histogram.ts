/** A histogram of durations to which a node can add thousands of equal values at once. */
import { Histogram } from 'prom-client'
import type { DurationCounts } from './node-series.ts'

/** The counts of one set of labels. */
export class Durations implements DurationCounts {
  readonly #bounds: readonly number[]
  readonly counts: number[]
  sum = 0

  /** `bounds` are in seconds, ascending. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.counts = new Array<number>(bounds.length + 1).fill(0)
  }

  /** How many were added. */
  get count(): number {
    return this.counts.reduce((sum, each) => sum + each, 0)
  }

  add(ms: number, count = 1): void {
    const seconds = ms / 1000
    let at = 0
    while (at < this.#bounds.length && seconds > (this.#bounds[at] as number)) at++
    this.counts[at] = (this.counts[at] as number) + count
    this.sum += seconds * count
  }
}

type Values = Awaited<ReturnType<Histogram['get']>>

export interface DurationHistogramOptions {
  readonly name: string
  readonly help: string
  readonly labelNames: readonly string[]
  readonly buckets: readonly number[]
}

/**
 * The histogram of prom-client takes one value at a time and hashes its labels for each, which a command would notice. This one exports counts
 * that are kept by set of labels.
 */
export class DurationHistogram extends Histogram<string> {
  readonly #options: DurationHistogramOptions
  readonly #series = new Map<Durations, Readonly<Record<string, string>>>()

  constructor(options: DurationHistogramOptions) {
    const { name, help, labelNames, buckets } = options
    super({ name, help, labelNames: [...labelNames], buckets: [...buckets], registers: [] })
    this.#options = options
  }

  /** New counts for these labels: keep them, and add to them. */
  with(labels: Readonly<Record<string, string>>): Durations {
    const durations = new Durations(this.#options.buckets)
    this.#series.set(durations, labels)
    return durations
  }

  override async get(): Promise<Values> {
    const { name, help } = this.#options
    const values = [...this.#series].flatMap(([durations, labels]) => valuesOf(name, labels, durations, this.#options))
    return { name, help, type: 'histogram', aggregator: 'sum', values } as unknown as Values
  }

  /** What a registry calls for its text. */
  getForPromString(): Promise<Values> {
    return this.get()
  }
}

function valuesOf(
  name: string,
  labels: Readonly<Record<string, string>>,
  { counts, sum }: Durations,
  { buckets }: DurationHistogramOptions,
): object[] {
  let count = 0
  const cumulative = counts.map((each, at) => {
    count += each
    return { metricName: `${name}_bucket`, labels: { le: buckets[at] ?? '+Inf', ...labels }, value: count }
  })
  return [
    ...cumulative,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ]
}
