/** Measures what happens around a failure: a new leader, a follower that is dead, and one that comes back. */
import type { BenchOptions } from '../options.ts'
import type { Plan } from '../plan.ts'
import { type Cluster, type Members, pause, type Setup, type System, until } from '../systems/system.ts'
import { measureLoad } from './loads.ts'

const SETUP: Omit<Setup, 'directory'> = { nodes: 3, timeouts: 'default', keepValues: false }
/** After a restart, for the member to follow again. */
const SETTLE_MS = 500

/** From SIGKILL of the leader to the next acknowledged write. */
export function failover({ trials }: BenchOptions, systems: readonly System[]): Plan {
  const run = async (cluster: Cluster) => {
    const members = membersOf(cluster)
    await members.write()
    const leader = await members.leader()
    const begin = performance.now()
    await members.kill(leader)
    await members.write()
    const failoverMs = performance.now() - begin
    await members.restart(leader)
    await pause(SETTLE_MS)
    return { failoverMs }
  }
  return {
    part: 'failover',
    title: 'Failover: from SIGKILL of the leader to the next acknowledged write',
    note: 'Our client finds the leader itself; the programs of the peers are asked every 5 ms. dragonboat has no default timeout: 1 s is used.',
    metrics: ['failoverMs'],
    systems: withMembers(systems),
    stages: (['default', 'short'] as const).map((timeouts) => ({
      setup: { ...SETUP, timeouts },
      isFresh: false,
      cases: [{ name: timeouts === 'short' ? 'timeouts of 150–300 ms' : 'default timeouts', rounds: trials, run }],
    })),
  }
}

/** Writes while one follower is dead. */
export function deadFollower(options: BenchOptions, systems: readonly System[]): Plan {
  const load = { operation: 'write', outstanding: 64, bytes: 128 } as const
  return {
    part: 'dead-follower',
    title: 'Durable writes of 128 B at 64 outstanding while one of three nodes is dead',
    note: 'Loaded for ten times the length of a round, so that the log of the leader grows behind the dead follower.',
    metrics: ['opsPerSecond', 'p99Ms', 'rssMaxBytes', 'failures'],
    systems: withMembers(systems),
    stages: [
      {
        setup: SETUP,
        isFresh: true,
        warmUp: (cluster) => cluster.load?.({ ...load, seconds: options.warmUpSeconds }) ?? Promise.resolve(),
        cases: [
          {
            name: 'one dead follower',
            rounds: options.episodes,
            run: async (cluster) => {
              await killFollower(membersOf(cluster))
              return await measureLoad(cluster, { ...load, seconds: options.seconds * 10 })
            },
          },
        ],
      },
    ],
  }
}

/** A follower that missed many entries, by log and by snapshot. */
export function catchUp({ entries, episodes }: BenchOptions, systems: readonly System[]): Plan {
  const run = async (cluster: Cluster) => {
    const members = membersOf(cluster)
    const follower = await killFollower(members)
    await cluster.load?.({ operation: 'write', outstanding: 1024, seconds: 300, bytes: 16, operationsMax: entries })
    const { applied } = await members.state(await members.leader())
    const begin = performance.now()
    await members.restart(follower)
    await until(async () => (await members.state(follower)).applied >= applied, 'catching up')
    return { catchUpSeconds: (performance.now() - begin) / 1000 }
  }
  const name = `${entries.toLocaleString('en')} entries of 16 B`
  return {
    part: 'catch-up',
    title: 'A follower that missed entries: from the start of its process until it has applied them',
    note: 'By log, no snapshots are taken; only ours takes them by default.',
    metrics: ['catchUpSeconds'],
    systems: withMembers(systems),
    stages: [
      {
        setup: { ...SETUP, withoutSnapshots: true },
        isFresh: true,
        cases: [{ name: `${name}, by log`, rounds: episodes, run }],
      },
      {
        ...{ setup: SETUP, isFresh: true, takesPart: ({ kind }: System) => kind === 'quorate' },
        cases: [{ name: `${name}, default snapshots`, rounds: episodes, run }],
      },
    ],
  }
}

export function withMembers(systems: readonly System[]): readonly System[] {
  return systems.filter(({ kind, name }) => kind !== 'skeleton' && name !== 'etcd server')
}

export function membersOf({ members }: Cluster): Members {
  if (members === undefined) throw new Error('the members of this system cannot be controlled')
  return members
}

async function killFollower(members: Members): Promise<number> {
  const follower = ((await members.leader()) + 1) % SETUP.nodes
  await members.kill(follower)
  return follower
}
