/** What a measurement produces: figures of each system, in rounds that alternate between the systems. */

export type MetricName = keyof typeof METRICS

export interface Metric {
  readonly title: string
  readonly unit: string
  readonly better: 'higher' | 'lower' | undefined
}

export const METRICS = {
  opsPerSecond: { title: 'ops', unit: '/s', better: 'higher' },
  bytesPerSecond: { title: 'payload', unit: 'MB/s', better: 'higher' },
  p50Ms: { title: 'p50', unit: 'ms', better: 'lower' },
  p99Ms: { title: 'p99', unit: 'ms', better: 'lower' },
  cpuMicrosecondsPerOp: { title: 'CPU', unit: 'µs/op', better: 'lower' },
  rssMaxBytes: { title: 'RSS', unit: 'MiB', better: 'lower' },
  failures: { title: 'failed', unit: '', better: undefined },
  failoverMs: { title: 'kill to next write', unit: 'ms', better: 'lower' },
  takeSeconds: { title: 'taking it', unit: 's', better: 'lower' },
  installSeconds: { title: 'spawn to restored', unit: 's', better: 'lower' },
  p99BeforeMs: { title: "leader's p99 before", unit: 'ms', better: undefined },
  p99DuringMs: { title: "leader's p99 during", unit: 'ms', better: 'lower' },
  rssBeforeBytes: { title: "leader's RSS before", unit: 'MiB', better: undefined },
  rssAfterBytes: { title: 'RSS after', unit: 'MiB', better: 'lower' },
  catchUpSeconds: { title: 'spawn to caught up', unit: 's', better: 'lower' },
  startMs: { title: 'spawn to first write', unit: 'ms', better: 'lower' },
  cpuPercent: { title: 'CPU per node', unit: '%', better: 'lower' },
  rssBytes: { title: 'RSS per node', unit: 'MiB', better: 'lower' },
  elections: { title: 'elections', unit: '', better: undefined },
  snapshots: { title: 'samples with a new snapshot', unit: '', better: undefined },
  heapEarlyBytes: { title: 'heap early', unit: 'MiB', better: undefined },
  heapLateBytes: { title: 'heap late', unit: 'MiB', better: undefined },
  rssEarlyBytes: { title: 'RSS early', unit: 'MiB', better: undefined },
  rssLateBytes: { title: 'RSS late', unit: 'MiB', better: undefined },
} as const satisfies Readonly<Record<string, Metric>>

export type Figures = Readonly<Partial<Record<MetricName, number>>>

export interface Round {
  /** Cores that were busy just before the round, with all measured systems idle. */
  readonly busyCores: number
  readonly figures: Figures
  /** Why there are no figures. */
  readonly failure?: string
}

export interface Result {
  readonly system: string
  readonly kind: 'quorate' | 'skeleton' | 'peer'
  readonly rounds: readonly Round[]
  /** Medians over the rounds. */
  readonly medians: Figures
  /** The figure of the reference divided by that of this system: the medians of the ratios of adjacent rounds. */
  readonly ratios: Figures
  /** The first metric: its largest figure divided by its smallest. */
  readonly noise: number | undefined
}

export interface CaseResult {
  readonly name: string
  /** What varies between the cases of a series. */
  readonly x: number | undefined
  readonly results: readonly Result[]
}

export interface Measurement {
  readonly part: string
  readonly title: string
  /** How it is measured, and what is not equal between the systems. */
  readonly note: string
  /** The first is the one that plots and noise are about. */
  readonly metrics: readonly MetricName[]
  readonly cases: readonly CaseResult[]
}
