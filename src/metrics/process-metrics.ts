/** The metrics of the process that prom-client collects and that are worth watching. */
import type { MetricDefinition } from './definitions.ts'

/** Of the process, from prom-client and without labels of ours; these are the ones to watch. There are more. */
export const PROCESS_METRICS: readonly MetricDefinition[] = [
  {
    name: 'nodejs_gc_duration_seconds',
    type: 'histogram',
    labels: ['kind'],
    help: 'Pauses of the garbage collector: minor, major, incremental, weakcb.',
  },
  {
    name: 'nodejs_eventloop_lag_p99_seconds',
    type: 'gauge',
    labels: [],
    help: 'The 99th percentile of the delay of the event loop since the last scrape.',
  },
  {
    name: 'nodejs_heap_size_used_bytes',
    type: 'gauge',
    labels: [],
    help: 'The heap of JavaScript in use.',
  },
  {
    name: 'process_resident_memory_bytes',
    type: 'gauge',
    labels: [],
    help: 'The memory of the process.',
  },
  {
    name: 'process_cpu_seconds_total',
    type: 'counter',
    labels: [],
    help: 'CPU time of the process.',
  },
  {
    name: 'process_open_fds',
    type: 'gauge',
    labels: [],
    help: 'Open files and connections (Linux).',
  },
]
