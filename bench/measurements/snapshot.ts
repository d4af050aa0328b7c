/** Measures how long a large snapshot takes to reach an empty member, and how it affects the latency of writes. */
import type { BenchOptions } from '../options.ts'
import type { Plan } from '../plan.ts'
import type { Cluster, System } from '../systems/system.ts'
import { membersOf } from './failures.ts'
import { measureLoad } from './loads.ts'

const WINDOW_SECONDS = 0.5
const WINDOWS_BEFORE = 4

export function snapshot({ snapshotMib, episodes, warmUpSeconds }: BenchOptions, systems: readonly System[]): Plan {
  const run = async (cluster: Cluster) => {
    const { snapshots } = cluster
    if (snapshots === undefined) throw new Error('this system has no snapshots here')
    const before: number[] = []
    for (let window = 0; window < WINDOWS_BEFORE; window++) before.push(await p99Of(cluster))
    const rssBeforeBytes = await leaderRss(cluster)
    const takeSeconds = await snapshots.take(snapshotMib * 1024 * 1024)
    let isInstalled = false
    const installing = snapshots.install().finally(() => {
      isInstalled = true
    })
    // Handled below, after the windows.
    installing.catch(() => undefined)
    const during: number[] = []
    while (!isInstalled) during.push(await p99Of(cluster))
    const rssAfterBytes = await leaderRss(cluster)
    const figures = { takeSeconds, p99BeforeMs: Math.max(...before), p99DuringMs: Math.max(...during) }
    return { ...figures, installSeconds: await installing, rssBeforeBytes, rssAfterBytes }
  }
  return {
    part: 'snapshot',
    title: `A snapshot of ${snapshotMib} MiB onto an empty member, with 16 outstanding writes meanwhile`,
    note: 'Ours adds a fourth member; hashicorp/raft wipes a follower. Each p99 is that of the worst window of half a second.',
    metrics: ['installSeconds', 'takeSeconds', 'p99BeforeMs', 'p99DuringMs', 'rssBeforeBytes', 'rssAfterBytes'],
    systems: systems.filter(({ kind, name }) => kind === 'quorate' || name === 'hashicorp-raft'),
    stages: [
      {
        setup: { nodes: 3, timeouts: 'default', keepValues: false, trailingEntries: 100 },
        isFresh: true,
        warmUp: (cluster) =>
          cluster.load?.({ operation: 'write', outstanding: 16, seconds: warmUpSeconds, bytes: 128 }) ??
          Promise.resolve(),
        cases: [{ name: `${snapshotMib} MiB`, rounds: episodes, run }],
      },
    ],
  }
}

async function p99Of(cluster: Cluster): Promise<number> {
  const load = { operation: 'write', outstanding: 16, seconds: WINDOW_SECONDS, bytes: 128 } as const
  return (await measureLoad(cluster, load)).p99Ms ?? Number.NaN
}

async function leaderRss(cluster: Cluster): Promise<number> {
  const leader = await membersOf(cluster).leader()
  return (await cluster.usages())[leader]?.rssBytes ?? Number.NaN
}
