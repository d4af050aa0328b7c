/** Measures clusters without load: the time to start, and what they use when idle. */
import type { BenchOptions } from '../options.ts'
import type { Plan } from '../plan.ts'
import { pause, type Setup, type System } from '../systems/system.ts'
import { withMembers } from './failures.ts'

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

export function idle({ episodes, idleSeconds }: BenchOptions, systems: readonly System[]): Plan {
  return {
    part: 'idle',
    title: 'Idle: CPU time and memory of a node without load',
    note: 'With default timeouts. A Node.js process that has loaded its libraries has about 65 MiB.',
    metrics: ['cpuPercent', 'rssBytes'],
    systems: systems.filter(({ kind }) => kind !== 'skeleton'),
    stages: [
      {
        setup: SETUP,
        isFresh: false,
        // The work of the start is over after a while.
        warmUp: () => pause(idleSeconds * 1000),
        cases: [
          {
            name: `${idleSeconds} s`,
            rounds: episodes,
            run: async (cluster) => {
              const before = await cluster.usages()
              await pause(idleSeconds * 1000)
              const after = await cluster.usages()
              const mean = (values: readonly number[]): number =>
                values.reduce((sum, value) => sum + value, 0) / values.length
              const cpu = after.map(({ cpuMicroseconds }, at) => cpuMicroseconds - (before[at]?.cpuMicroseconds ?? 0))
              return {
                cpuPercent: (100 * mean(cpu)) / (idleSeconds * 1e6),
                rssBytes: mean(after.map(({ rssBytes }) => rssBytes)),
              }
            },
          },
        ],
      },
    ],
  }
}
