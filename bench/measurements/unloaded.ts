/** Measures clusters without load: the time to start, and what they use when idle. */
import type { Figures } from '../measurement.ts'
import type { BenchOptions } from '../options.ts'
import type { Plan, Stage } from '../plan.ts'
import { type Cluster, pause, type Setup, type System } from '../systems/system.ts'
import { withMembers } from './failures.ts'
import { warmUp } from './loads.ts'

const SETUP: Omit<Setup, 'directory'> = { nodes: 3, timeouts: 'default', keepValues: false }

/** From the first process to the first acknowledged write. */
export function startUp({ trials }: BenchOptions, systems: readonly System[]): Plan {
  return {
    part: 'start',
    title: 'Start: from the spawn of three new nodes to the first acknowledged write',
    note: "With default timeouts; the first election is part of it. The write is made inside the leader's process.",
    metrics: ['startMs'],
    systems: withMembers(systems),
    stages: [
      {
        setup: SETUP,
        isFresh: true,
        cases: [
          {
            name: 'empty directories',
            rounds: trials,
            run: async (cluster, startMs) => {
              const begin = performance.now()
              await cluster.load?.({ operation: 'write', outstanding: 1, seconds: 10, bytes: 16, operationsMax: 1 })
              return { startMs: startMs + performance.now() - begin }
            },
          },
        ],
      },
    ],
  }
}

export function idle(options: BenchOptions, systems: readonly System[]): Plan {
  const { idleSeconds } = options
  // The work of the start, or that of the load, is over after a while.
  const settle = (): Promise<unknown> => pause(idleSeconds * 1000)
  const loaded = async (cluster: Cluster): Promise<unknown> => {
    await warmUp(options, cluster.load === undefined ? 'loadAsClient' : 'load')(cluster)
    return settle()
  }
  return {
    part: 'idle',
    title: 'Idle: CPU time and memory of a node without load',
    note: 'With default timeouts, of new nodes and after a load. A Node.js process that has loaded its libraries has about 65 MiB.',
    metrics: ['cpuPercent', 'rssBytes'],
    systems: systems.filter(({ kind }) => kind !== 'skeleton'),
    stages: [idleStage(options, 'new nodes', settle), idleStage(options, 'after a load', loaded)],
  }
}

function idleStage(
  { episodes, idleSeconds }: BenchOptions,
  when: string,
  prepare: (cluster: Cluster) => Promise<unknown>,
): Stage {
  const run = async (cluster: Cluster): Promise<Figures> => {
    const before = await cluster.usages()
    await pause(idleSeconds * 1000)
    const after = await cluster.usages()
    const cpu = after.map(({ cpuMicroseconds }, at) => cpuMicroseconds - (before[at]?.cpuMicroseconds ?? 0))
    return {
      cpuPercent: (100 * mean(cpu)) / (idleSeconds * 1e6),
      rssBytes: mean(after.map(({ rssBytes }) => rssBytes)),
    }
  }
  const cases = [{ name: `${when}, ${idleSeconds} s`, rounds: episodes, run }]
  return { setup: SETUP, isFresh: false, warmUp: prepare, cases }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
