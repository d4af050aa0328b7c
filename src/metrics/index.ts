/**
 * `quorate/metrics`: the metrics of a node, for Prometheus.
 *
 * @module
 */
export { METRICS, type MetricDefinition, type MetricType, PROCESS_METRICS } from './definitions.ts'
export { NodeMetrics, type NodeMetricsOptions } from './node-metrics.ts'
