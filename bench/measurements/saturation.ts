/** Measures a cluster at its limit for a long time: elections, snapshots, and whether the memory grows. */
import { spawn } from 'node:child_process'
import { median } from '../figures.ts'
import type { BenchOptions } from '../options.ts'
import type { Case, Plan } from '../plan.ts'
import type { Cluster, System } from '../systems/system.ts'
import { membersOf } from './failures.ts'

const SAMPLES = 20
/** The first samples, in which the memory still grows to its working size. */
const SAMPLES_EARLY = 5

interface Sample {
  readonly opsPerSecond: number
  readonly p99Ms: number
  readonly failures: number
  readonly heapBytes: number
  readonly rssBytes: number
  readonly snapshotIndex: number
}

export function saturation({ saturationSeconds, busyLoops }: BenchOptions, systems: readonly System[]): Plan {
  return {
    part: 'saturation',
    title: `Saturation: 256 outstanding writes of 128 B for ${saturationSeconds} s, with default snapshots`,
    note: `A busy loop is another process that computes all the time. Heap and RSS are the largest of a node: medians of the second and of the last quarter. The heap is that of JavaScript.`,
    metrics: [
      ...(['opsPerSecond', 'p99Ms', 'elections', 'snapshots', 'failures'] as const),
      ...(['heapEarlyBytes', 'heapLateBytes', 'rssEarlyBytes', 'rssLateBytes'] as const),
    ],
    systems: systems.filter(({ kind }) => kind === 'quorate'),
    stages: [
      {
        setup: { nodes: 3, timeouts: 'default', keepValues: true },
        isFresh: true,
        cases: [
          { name: `${saturationSeconds} s`, rounds: 1, run: (cluster) => saturate(cluster, saturationSeconds) },
          ...(busyLoops === 0 ? [] : [besideBusyLoops(saturationSeconds, busyLoops)]),
        ],
      },
    ],
  }
}

function besideBusyLoops(seconds: number, count: number): Case {
  return {
    name: `${seconds} s beside ${count} busy ${count === 1 ? 'loop' : 'loops'}`,
    rounds: 1,
    run: async (cluster) => {
      const loops = Array.from({ length: count }, () => spawn(process.execPath, ['-e', 'for (;;);']))
      try {
        return await saturate(cluster, seconds)
      } finally {
        for (const loop of loops) loop.kill('SIGKILL')
      }
    },
  }
}

async function saturate(cluster: Cluster, seconds: number) {
  const termBefore = await termOf(cluster)
  const samples: Sample[] = []
  for (let number = 0; number < SAMPLES; number++) samples.push(await sampleOf(cluster, seconds / SAMPLES))
  const early = samples.slice(SAMPLES_EARLY, 2 * SAMPLES_EARLY)
  const late = samples.slice(-SAMPLES_EARLY)
  const of = (pick: (sample: Sample) => number, some: readonly Sample[] = samples): number => median(some.map(pick))
  return {
    opsPerSecond: of((sample) => sample.opsPerSecond),
    p99Ms: of((sample) => sample.p99Ms),
    elections: (await termOf(cluster)) - termBefore,
    snapshots: samples.filter(({ snapshotIndex }, at) => snapshotIndex > (samples[at - 1]?.snapshotIndex ?? 0)).length,
    failures: samples.reduce((sum, { failures }) => sum + failures, 0),
    heapEarlyBytes: of(({ heapBytes }) => heapBytes, early),
    heapLateBytes: of(({ heapBytes }) => heapBytes, late),
    rssEarlyBytes: of(({ rssBytes }) => rssBytes, early),
    rssLateBytes: of(({ rssBytes }) => rssBytes, late),
  }
}

async function sampleOf(cluster: Cluster, seconds: number): Promise<Sample> {
  const result = await cluster.load?.({ operation: 'write', outstanding: 256, seconds, bytes: 128 })
  if (result === undefined) throw new Error('this system does not take such a load')
  const members = membersOf(cluster)
  const [usages, { snapshotIndex }] = await Promise.all([cluster.usages(), members.leader().then(members.state)])
  return {
    opsPerSecond: result.operations / result.seconds,
    p99Ms: result.p99Ms,
    failures: result.failures,
    heapBytes: Math.max(...usages.map(({ heapBytes }) => heapBytes)),
    rssBytes: Math.max(...usages.map(({ rssBytes }) => rssBytes)),
    snapshotIndex,
  }
}

async function termOf(cluster: Cluster): Promise<number> {
  const members = membersOf(cluster)
  return (await members.state(await members.leader())).term ?? Number.NaN
}
