/** Measures durable proposals per second of quorate and of the baseline, in alternating rounds of the same run. */
import { type Cluster, startBaseline, startRaft, stop, usageOf } from './cluster.ts'
import { median } from './figures.ts'
import { inTemporaryDirectory } from './processes.ts'

export interface ThroughputOptions {
  readonly outstanding: readonly number[]
  readonly rounds: number
  readonly seconds: number
  readonly bytes: number
}

export interface Figures {
  readonly opsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly cpuMicrosecondsPerOp: number
  readonly rssMaxBytes: number
  readonly failures: number
}

export interface ThroughputRow {
  readonly outstanding: number
  readonly quorate: Figures
  readonly baseline: Figures
  /** Quorate to baseline: the median of the ratios of adjacent rounds. */
  readonly opsRatio: number
  readonly p50Ratio: number
  /** The baseline's fastest round divided by its slowest: the noise of the machine. */
  readonly noise: number
}

/** The load of both clusters before the first round. */
const WARM_UP_SECONDS = 5

export async function measureThroughput(
  options: ThroughputOptions,
  report: (row: ThroughputRow) => void,
): Promise<ThroughputRow[]> {
  return await inTemporaryDirectory(async (directory) => {
    const baseline = await startBaseline(directory)
    const quorate = await startRaft(directory)
    try {
      // A new process interprets its code at first; the compiled code of a running service is what counts.
      for (const cluster of [baseline, quorate])
        await measureOnce(cluster, { ...options, seconds: WARM_UP_SECONDS }, 64)
      const rows: ThroughputRow[] = []
      for (const outstanding of options.outstanding) {
        const row = await measureRow(options, outstanding, quorate, baseline)
        report(row)
        rows.push(row)
      }
      return rows
    } finally {
      await Promise.all([stop(baseline), stop(quorate)])
    }
  })
}

async function measureRow(
  options: ThroughputOptions,
  outstanding: number,
  quorate: Cluster,
  baseline: Cluster,
): Promise<ThroughputRow> {
  const quorateFigures: Figures[] = []
  const baselineFigures: Figures[] = []
  await measureOnce(baseline, { ...options, seconds: 0.5 }, outstanding)
  await measureOnce(quorate, { ...options, seconds: 0.5 }, outstanding)
  for (let round = 0; round < options.rounds; round++) {
    baselineFigures.push(await measureOnce(baseline, options, outstanding))
    quorateFigures.push(await measureOnce(quorate, options, outstanding))
  }
  const ratios = (of: (figures: Figures) => number): number =>
    median(quorateFigures.map((figures, round) => of(figures) / of(baselineFigures[round] as Figures)))
  const speeds = baselineFigures.map(({ opsPerSecond }) => opsPerSecond)
  return {
    outstanding,
    quorate: medians(quorateFigures),
    baseline: medians(baselineFigures),
    opsRatio: ratios(({ opsPerSecond }) => opsPerSecond),
    p50Ratio: ratios(({ p50Ms }) => p50Ms),
    noise: Math.max(...speeds) / Math.min(...speeds),
  }
}

async function measureOnce(
  cluster: Cluster,
  { seconds, bytes }: Pick<ThroughputOptions, 'seconds' | 'bytes'>,
  outstanding: number,
): Promise<Figures> {
  const before = await usageOf(cluster)
  const result = await cluster.leader.load({ type: 'load', outstanding, seconds, bytes })
  const after = await usageOf(cluster)
  return {
    opsPerSecond: result.operations / result.seconds,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    cpuMicrosecondsPerOp: (after.cpuMicroseconds - before.cpuMicroseconds) / Math.max(1, result.operations),
    rssMaxBytes: after.rssMaxBytes,
    failures: result.failures,
  }
}

function medians(all: readonly Figures[]): Figures {
  const of = (pick: (figures: Figures) => number): number => median(all.map(pick))
  return {
    opsPerSecond: of((figures) => figures.opsPerSecond),
    p50Ms: of((figures) => figures.p50Ms),
    p99Ms: of((figures) => figures.p99Ms),
    cpuMicrosecondsPerOp: of((figures) => figures.cpuMicrosecondsPerOp),
    rssMaxBytes: Math.max(...all.map((figures) => figures.rssMaxBytes)),
    failures: all.reduce((sum, figures) => sum + figures.failures, 0),
  }
}
