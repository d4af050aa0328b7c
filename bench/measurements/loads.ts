/** Measures loads: rates, latencies, CPU time and memory, by number of outstanding operations, size of the command and number of nodes. */

import type { Figures, MetricName } from '../measurement.ts'
import type { BenchOptions } from '../options.ts'
import type { Case, Plan, Stage } from '../plan.ts'
import type { LoadRequest } from '../processes/load.ts'
import type { Cluster, Setup, System } from '../systems/system.ts'

const BYTES = 128
/** Smaller commands are measured with the largest number of outstanding operations only. */
const LARGE_BYTES = 4096
/** The loads of a warm-up, and how much of its time each takes. */
const WARM_UP: readonly { readonly outstanding: number; readonly share: number }[] = [
  { outstanding: 64, share: 0.25 },
  { outstanding: 1, share: 0.75 },
]
const METRICS: readonly MetricName[] = [
  'opsPerSecond',
  'p50Ms',
  'p99Ms',
  'cpuMicrosecondsPerOp',
  'rssMaxBytes',
  'failures',
]
const LARGE_METRICS: readonly MetricName[] = ['bytesPerSecond', ...METRICS]
const SETUP: Omit<Setup, 'directory'> = { nodes: 3, timeouts: 'default', keepValues: false }

type Via = 'load' | 'loadAsClient'

/** Writes from inside the leader's process, of 128 B. */
export function throughput(options: BenchOptions, systems: readonly System[]): Plan {
  const cases = options.outstanding.map((outstanding) =>
    loadCase(options, `${outstanding} outstanding`, outstanding, { operation: 'write', outstanding, bytes: BYTES }),
  )
  return {
    part: 'throughput',
    title: `Durable writes of ${BYTES} B from inside the leader's process, by outstanding operations`,
    note: 'Three processes, every write synced. Ours takes its default snapshots meanwhile, and its peers take none.',
    metrics: METRICS,
    systems: inProcess(systems),
    stages: [{ setup: SETUP, isFresh: false, warmUp: warmUp(options, 'load'), cases }],
  }
}

/** Writes of other sizes. */
export function payload(options: BenchOptions, systems: readonly System[]): Plan {
  const cases = options.bytes.flatMap((bytes) =>
    (bytes < LARGE_BYTES ? options.payloadOutstanding.slice(-1) : options.payloadOutstanding).map((outstanding) =>
      loadCase(options, `${sizeName(bytes)}, ${outstanding} outstanding`, bytes, {
        operation: 'write',
        outstanding,
        bytes,
      }),
    ),
  )
  return {
    part: 'payload',
    title: "Durable writes from inside the leader's process, by size of the command",
    note: 'Three processes, every write synced.',
    metrics: LARGE_METRICS,
    systems: inProcess(systems),
    stages: [{ setup: SETUP, isFresh: false, warmUp: warmUp(options, 'load'), cases }],
  }
}

/** Clusters of other sizes. */
export function nodes(options: BenchOptions, systems: readonly System[]): Plan {
  const stages: Stage[] = options.nodes.map((count) => ({
    setup: { ...SETUP, nodes: count },
    isFresh: false,
    warmUp: warmUp(options, 'load'),
    cases: options.nodesOutstanding.map((outstanding) =>
      loadCase(options, `${count} nodes, ${outstanding} outstanding`, count, {
        ...{ operation: 'write', outstanding, bytes: BYTES },
      }),
    ),
  }))
  return {
    part: 'nodes',
    title: `Durable writes of ${BYTES} B from inside the leader's process, by number of nodes`,
    note: 'All nodes share the cores of this machine.',
    metrics: METRICS,
    systems: inProcess(systems),
    stages,
  }
}

/** Linearizable reads from inside the leader's process; only ours has them here. */
export function reads(options: BenchOptions, systems: readonly System[]): Plan {
  const cases = options.outstanding.map((outstanding) =>
    loadCase(options, `${outstanding} outstanding`, outstanding, { operation: 'read', outstanding, bytes: BYTES }),
  )
  return {
    part: 'reads',
    title: "Linearizable reads from inside the leader's process",
    note: 'Each read is confirmed by a quorum; reads that wait together share one round of messages.',
    metrics: METRICS,
    systems: systems.filter(({ kind }) => kind === 'quorate'),
    stages: [{ setup: { ...SETUP, keepValues: true }, isFresh: false, warmUp: warmUp(options, 'load'), cases }],
  }
}

/** Writes and linearizable reads from a client process. */
export function network(options: BenchOptions, systems: readonly System[]): Plan {
  const cases = (['write', 'read'] as const).flatMap((operation) =>
    options.networkOutstanding.map((outstanding) =>
      loadCase(
        options,
        `${operation}s, ${outstanding} outstanding`,
        outstanding,
        { operation, outstanding, bytes: BYTES },
        'loadAsClient',
      ),
    ),
  )
  return {
    part: 'network',
    title: `Writes of ${BYTES} B and linearizable reads from a client's process, through the network`,
    note: 'Our client has one connection; the client of etcd has eight, which is its best. CPU is that of the servers.',
    metrics: METRICS,
    systems: systems.filter(({ kind, name }) => kind === 'quorate' || name.startsWith('etcd server')),
    stages: [{ setup: { ...SETUP, keepValues: true }, isFresh: false, warmUp: warmUp(options, 'loadAsClient'), cases }],
  }
}

function inProcess(systems: readonly System[]): readonly System[] {
  return systems.filter(({ name }) => name !== 'etcd server')
}

/**
 * A new process interprets its code at first; the compiled code of a running service is what counts. One operation at a time compiles it last, because
 * it runs least of it: ours needs some 5,000 of them.
 */
export function warmUp({ warmUpSeconds }: BenchOptions, via: Via): (cluster: Cluster) => Promise<unknown> {
  const operations = via === 'load' ? (['write'] as const) : (['write', 'read'] as const)
  return async (cluster) => {
    for (const { outstanding, share } of WARM_UP)
      for (const operation of operations)
        await cluster[via]?.({ seconds: warmUpSeconds * share, bytes: BYTES, operation, outstanding })
  }
}

function loadCase(
  { rounds, seconds }: BenchOptions,
  name: string,
  x: number,
  request: Omit<LoadRequest, 'seconds'>,
  via: Via = 'load',
): Case {
  return { name, x, rounds, run: (cluster) => measureLoad(cluster, { ...request, seconds }, via) }
}

/** Runs one load, and compares the usage of the processes before and after it. */
export async function measureLoad(cluster: Cluster, request: LoadRequest, via: Via = 'load'): Promise<Figures> {
  const run = cluster[via]
  if (run === undefined) throw new Error('this system does not take such a load')
  const before = await cluster.usages()
  const { operations, failures, seconds, p50Ms, p99Ms } = await run(request)
  const after = await cluster.usages()
  const cpu = (all: typeof after): number => all.reduce((sum, { cpuMicroseconds }) => sum + cpuMicroseconds, 0)
  if (operations === 0) throw new Error(`no operation succeeded, ${failures} failed`)
  return {
    ...{
      opsPerSecond: operations / seconds,
      bytesPerSecond: (operations / seconds) * request.bytes,
      p50Ms,
      p99Ms,
      failures,
    },
    cpuMicrosecondsPerOp: (cpu(after) - cpu(before)) / operations,
    rssMaxBytes: Math.max(...after.map(({ rssBytes }) => rssBytes)),
  }
}

function sizeName(bytes: number): string {
  return bytes >= 1024 ? `${bytes / 1024} KiB` : `${bytes} B`
}
