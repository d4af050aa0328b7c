/** The metrics of the nodes of this process, as an observer that feeds the instruments of an OpenTelemetry meter. */
import {
  type BatchObservableResult,
  type Histogram,
  type Meter as InstrumentMaker,
  type MeterProvider,
  metrics,
  type Observable,
} from '@opentelemetry/api'
import type { Meter } from '../contracts/meter.ts'
import type { NodeEvent, ObservedNode, Observer } from '../contracts/observer.ts'
import type { NodeId } from '../core/types.ts'
import { CALL_BUCKETS, METRICS, type MetricDefinition } from '../metrics/definitions.ts'
import { type DurationCounts, NodeSeries } from '../metrics/node-series.ts'
import { statusSamples } from '../metrics/status-samples.ts'

export interface OpenTelemetryMetricsOptions {
  /** Default: the global one, as it is at the construction: register the SDK before. */
  readonly meterProvider?: MeterProvider | undefined
}

/**
 * Pass it to a node as an observer; several nodes of a process may share one, if their ids differ. The instruments have the names, labels and units
 * of the metrics for Prometheus (docs/reference/metrics.md); each also has the attributes `cluster` and `node`. The status of the nodes is read
 * when the SDK collects.
 *
 *     const node = await startNode({ …, observers: [new OpenTelemetryMetrics()] })
 */
export class OpenTelemetryMetrics implements Observer {
  readonly #histograms = new Map<MetricDefinition, Histogram>()
  readonly #observables = new Map<MetricDefinition, Observable>()
  readonly #watched = new Map<NodeId, { readonly node: ObservedNode; readonly series: NodeSeries }>()

  constructor({ meterProvider = metrics.getMeterProvider() }: OpenTelemetryMetricsOptions = {}) {
    const maker = meterProvider.getMeter('quorate')
    for (const metric of Object.values(METRICS)) this.#make(maker, metric)
    maker.addBatchObservableCallback((result) => this.#observe(result), [...this.#observables.values()])
  }

  attach(node: ObservedNode): Meter {
    const labels = { cluster: node.status().clusterId, node: node.id }
    const series =
      this.#watched.get(node.id)?.series ??
      new NodeSeries(
        (metric, more) => new RecordedDurations(this.#histograms.get(metric) as Histogram, { ...labels, ...more }),
        () => performance.now(),
      )
    this.#watched.set(node.id, { node, series })
    return series
  }

  event(node: NodeId, event: NodeEvent): void {
    this.#watched.get(node)?.series.event(event)
  }

  #make(maker: InstrumentMaker, metric: MetricDefinition): void {
    const { name, type, help: description, buckets = CALL_BUCKETS } = metric
    const options = { description, unit: unitOf(name) }
    if (type === 'histogram')
      this.#histograms.set(
        metric,
        maker.createHistogram(name, { ...options, advice: { explicitBucketBoundaries: [...buckets] } }),
      )
    else
      this.#observables.set(
        metric,
        type === 'counter' ? maker.createObservableCounter(name, options) : maker.createObservableGauge(name, options),
      )
  }

  #observe(result: BatchObservableResult): void {
    for (const { node, series } of this.#watched.values()) {
      const status = node.status()
      const base = { cluster: status.clusterId, node: node.id }
      const members = new Set(status.membership.members.map(({ id }) => id))
      for (const { metric, labels, value } of [...statusSamples(status), ...series.samples(members)]) {
        const observable = this.#observables.get(metric)
        if (observable !== undefined) result.observe(observable, value, { ...base, ...labels })
      }
    }
  }
}

/** An instrument takes one value at a time: what many commands of a block have in common is recorded once. */
class RecordedDurations implements DurationCounts {
  readonly #histogram: Histogram
  readonly #attributes: Readonly<Record<string, string>>
  count = 0

  constructor(histogram: Histogram, attributes: Readonly<Record<string, string>>) {
    this.#histogram = histogram
    this.#attributes = attributes
  }

  add(ms: number, count = 1): void {
    this.count += count
    this.#histogram.record(ms / 1000, this.#attributes)
  }
}

/** In the notation of UCUM, by the end of the name. */
function unitOf(name: string): string {
  if (/_seconds(_total)?$/.test(name)) return 's'
  return /_bytes(_total)?$/.test(name) ? 'By' : '1'
}
