/**
 * `quorate/metrics`: the metrics of a node, for Prometheus.
 *
 * @module
 */
export { METRICS, type MetricDefinition, type MetricType } from './definitions.ts'
export { NodeMetrics, type NodeMetricsOptions } from './node-metrics.ts'
export { PROCESS_METRICS } from './process-metrics.ts'
