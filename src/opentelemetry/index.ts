/**
 * `quorate/opentelemetry`: metrics of nodes, and spans of calls, for the OpenTelemetry SDK of the program.
 *
 * @module
 */

export { OpenTelemetryMetrics, type OpenTelemetryMetricsOptions } from './open-telemetry-metrics.ts'
export { type SpanOptions, withSpans } from './with-spans.ts'
