/** Durable proposals per second, beside the skeleton's in the same run: rounds take turns, medians are compared. */
import { type Cluster, startRaft, startSkeleton, stop, usageOf } from './cluster.ts'
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
  readonly skeleton: Figures
  /** Medians of the rounds' own ratios. */
  readonly opsRatio: number
  readonly p50Ratio: number
  /** Fastest round over slowest, of the skeleton: the machine's noise. */
  readonly noise: number
}

/** Load before the first round, of both alike. */
const WARM_UP_SECONDS = 5

export async function measureThroughput(
  options: ThroughputOptions,
  report: (row: ThroughputRow) => void,
): Promise<ThroughputRow[]> {
  return await inTemporaryDirectory(async (directory) => {
    const skeleton = await startSkeleton(directory)
    const quorate = await startRaft(directory)
    try {
      // A service that has run for a while is compiled; one that has just started is interpreted for thousands of steps.
      for (const cluster of [skeleton, quorate])
        await measureOnce(cluster, { ...options, seconds: WARM_UP_SECONDS }, 64)
      const rows: ThroughputRow[] = []
      for (const outstanding of options.outstanding) {
        const row = await measureRow(options, outstanding, quorate, skeleton)
        report(row)
        rows.push(row)
      }
      return rows
    } finally {
      await Promise.all([stop(skeleton), stop(quorate)])
    }
  })
}

async function measureRow(
  options: ThroughputOptions,
  outstanding: number,
  quorate: Cluster,
  skeleton: Cluster,
): Promise<ThroughputRow> {
  const ours: Figures[] = []
  const bare: Figures[] = []
  await measureOnce(skeleton, { ...options, seconds: 0.5 }, outstanding)
  await measureOnce(quorate, { ...options, seconds: 0.5 }, outstanding)
  for (let round = 0; round < options.rounds; round++) {
    bare.push(await measureOnce(skeleton, options, outstanding))
    ours.push(await measureOnce(quorate, options, outstanding))
  }
  const ratios = (of: (figures: Figures) => number): number =>
    median(ours.map((figures, round) => of(figures) / of(bare[round] as Figures)))
  const speeds = bare.map(({ opsPerSecond }) => opsPerSecond)
  return {
    outstanding,
    quorate: medians(ours),
    skeleton: medians(bare),
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
