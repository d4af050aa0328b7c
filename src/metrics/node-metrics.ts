/** The metrics of the nodes of this process, as an observer, and their text for Prometheus. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Meter } from '../contracts/meter.ts'
import type { NodeEvent, ObservedNode, Observer } from '../contracts/observer.ts'
import type { NodeId } from '../core/types.ts'
import type { MetricDefinition } from './definitions.ts'
import { CALL_BUCKETS, METRICS } from './definitions.ts'
import { DurationHistogram } from './duration-histogram.ts'
import { NodeSeries } from './node-series.ts'
import { statusSamples } from './status-samples.ts'

export interface NodeMetricsOptions {
  /** Where to register the metrics, beside those of your own. Default: a new registry. */
  readonly registry?: Registry | undefined
  /** Also those of the process: garbage collection, event loop, memory, CPU. Default: true, or false with a `registry` of your own. */
  readonly processMetrics?: boolean | undefined
}

interface Watched {
  readonly node: ObservedNode
  readonly series: NodeSeries
}

/**
 * Pass it to a node as an observer; several nodes of a process may share one, if their ids differ. A node that is started again continues with its
 * counters.
 *
 *     const metrics = new NodeMetrics()
 *     const node = await startNode({ …, observers: [metrics] })
 *     const { contentType, body } = await metrics.text()
 */
export class NodeMetrics implements Observer {
  readonly registry: Registry
  readonly #histograms = new Map<MetricDefinition, DurationHistogram>()
  readonly #gauges = new Map<MetricDefinition, Gauge | Counter>()
  readonly #watched = new Map<NodeId, Watched>()

  constructor({ registry, processMetrics = registry === undefined }: NodeMetricsOptions = {}) {
    this.registry = registry ?? new Registry()
    for (const metric of Object.values(METRICS)) this.#register(metric)
    if (processMetrics) collectDefaultMetrics({ register: this.registry })
  }

  attach(node: ObservedNode): Meter {
    const labels = { cluster: node.status().clusterId, node: node.id }
    const known = this.#watched.get(node.id)?.series
    const series =
      known ??
      new NodeSeries(
        (metric, more) => this.#histogram(metric).with({ ...labels, ...more }),
        () => performance.now(),
      )
    this.#watched.set(node.id, { node, series })
    return series
  }

  event(node: NodeId, event: NodeEvent): void {
    this.#watched.get(node)?.series.event(event)
  }

  /** What a scrape gets. */
  async text(): Promise<{ readonly contentType: string; readonly body: string }> {
    return { contentType: this.registry.contentType, body: await this.registry.metrics() }
  }

  #register(metric: MetricDefinition): void {
    const { name, type, help, labels, buckets = CALL_BUCKETS } = metric
    const labelNames = ['cluster', 'node', ...labels]
    if (type === 'histogram') {
      const histogram = new DurationHistogram({ name, help, labelNames, buckets })
      this.#histograms.set(metric, histogram)
      this.registry.registerMetric(histogram)
      return
    }
    // A registry collects its metrics in the order of their registration, all in one turn: the first one asks for the status of every node.
    const collect = this.#gauges.size === 0 ? { collect: () => this.#refresh() } : {}
    const Kind = type === 'counter' ? Counter : Gauge
    this.#gauges.set(metric, new Kind({ name, help, labelNames, registers: [this.registry], ...collect }))
  }

  #histogram(metric: MetricDefinition): DurationHistogram {
    return this.#histograms.get(metric) as DurationHistogram
  }

  #refresh(): void {
    for (const gauge of this.#gauges.values()) gauge.reset()
    for (const { node, series } of this.#watched.values()) {
      const status = node.status()
      const base = { cluster: status.clusterId, node: node.id }
      const members = new Set(status.membership.members.map(({ id }) => id))
      for (const { metric, labels, value } of [...statusSamples(status), ...series.samples(members)])
        this.#gauges.get(metric)?.inc({ ...base, ...labels }, value)
    }
  }
}
