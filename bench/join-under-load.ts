/**
 * `make bench-join`: adds an empty member to three nodes whose snapshot is large, under writers, and prints the time and the latencies before and
 * during each transfer: from the leader without a pace and at the adaptive one, and from a follower, in turn.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { withBuiltProcesses } from './built-processes.ts'
import { quorate } from './systems/quorate.ts'
import type { Cluster } from './systems/system.ts'

interface Flags {
  readonly mib: number
  readonly writers: number
  readonly rounds: number
}

const WINDOWS_BEFORE = 5
const VARIANTS = [
  { name: 'leader, unpaced ', options: { snapshotsFromFollowers: false, snapshotSendLatencyFactor: 0 } },
  { name: 'leader, adaptive', options: { snapshotsFromFollowers: false } },
  { name: 'follower        ', options: { snapshotsFromFollowers: true } },
]

const flags = new Command('bench-join')
  .option('--mib <n>', 'size of the snapshot', Number, 1024)
  .option('--writers <n>', 'writes in progress at any time; 0 for none', Number, 64)
  .option('--rounds <n>', 'joins of each kind', Number, 3)
  .parse()
  .opts<Flags>()

await withBuiltProcesses(async (folder) => {
  for (let round = 1; round <= flags.rounds; round++)
    for (const { name, options } of VARIANTS) {
      const directory = await mkdtemp(join(tmpdir(), 'quorate-join-'))
      const cluster = await quorate(folder, { storage: 'segments', transport: 'tcp' }).start({
        ...{ directory, nodes: 3, timeouts: 'default', keepValues: false, trailingEntries: 100 },
        options,
      })
      try {
        console.info(`round ${round}, ${name}: ${await measure(cluster)}`)
      } finally {
        await cluster.stop()
        await rm(directory, { recursive: true, force: true })
      }
    }
})

async function measure(cluster: Cluster): Promise<string> {
  const { snapshots } = cluster
  // More entries than the log keeps: the new member needs the snapshot.
  await cluster.load?.({ operation: 'write', outstanding: 64, seconds: 1, bytes: 128 })
  await snapshots?.take(flags.mib * 1024 * 1024)
  const before: number[] = []
  while (before.length < WINDOWS_BEFORE) before.push(await p99Of(cluster))
  let isInstalled = false
  const installing = (snapshots?.install() ?? Promise.resolve(Number.NaN)).finally(() => {
    isInstalled = true
  })
  const during: number[] = []
  while (!isInstalled) during.push(await p99Of(cluster))
  const seconds = (await installing).toFixed(1)
  return `${seconds} s; p99 of windows of 1 s before ${describe(before)}, during ${describe(during)}`
}

async function p99Of(cluster: Cluster): Promise<number> {
  const load = { operation: 'write', outstanding: flags.writers, seconds: 1, bytes: 128 } as const
  if (flags.writers > 0) return (await cluster.load?.(load))?.p99Ms ?? Number.NaN
  await new Promise((resolve) => setTimeout(resolve, 1000))
  return 0
}

function describe(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b)
  const [median = 0, worst = 0] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)]
  return `${median.toFixed(1)} ms in the median and ${worst.toFixed(1)} ms at worst`
}
