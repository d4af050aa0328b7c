/** What a fault may lay hands on, and the words most of them are told in. */
import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { NodeStatus } from '../../src/contracts/node-service.ts'
import type { SeededRandom } from '../../src/testing/simulation/seeded-random.ts'
import type { Ended, ProcessCluster } from '../cluster/process-cluster.ts'
import type { TinyDisk } from '../cluster/tiny-disk.ts'
import { eventually } from '../cluster/waiting.ts'

/** All that is random in a fault comes from its own seed; what it does is said as it is done. */
export interface Stage {
  readonly cluster: ProcessCluster
  readonly random: SeededRandom
  /** The node whose disk can be filled, if there is one. */
  readonly tiny: { readonly id: string; readonly disk: TinyDisk } | undefined
  readonly say: (what: string) => void
  /** Ends the run when it is to be ended. */
  readonly signal: AbortSignal
}

export type Fault = (stage: Stage) => Promise<void>

/** Something happened that must not. */
export class Finding extends Error {
  override readonly name = 'Finding'
}

/** After the faults the cluster must be whole again by then. */
export const PATIENCE_MS = 90_000

/** After this long a removed node must have learned of it, and ended. */
const FAREWELL_MS = 20_000
/** Exit codes of a node that refuses: its disk failed, or starting again will not help. */
export const IO = 74
export const DO_NOT_RESTART = 78

export function pause({ signal }: Stage, ms: number): Promise<void> {
  return sleep(ms, undefined, { signal })
}

/** Between `from` and `to` milliseconds, from the fault's seed. */
export function pauseBetween(stage: Stage, from: number, to: number): Promise<void> {
  return pause(stage, stage.random.between(from, to))
}

export function leaderOf({ cluster }: Stage): Promise<string> {
  return cluster.leader(undefined, PATIENCE_MS)
}

/** Some of the nodes, by the seed. */
export function some({ cluster, random }: Stage, count: number): string[] {
  const left = [...cluster.ids]
  return Array.from({ length: count }, () => left.splice(random.below(left.length), 1)[0] as string).sort()
}

export function majority({ cluster }: Stage): number {
  return Math.floor(cluster.ids.length / 2) + 1
}

/** Where a node's directory is gone, so is what it has promised: it leaves, and comes back as a new member. */
export async function replace(stage: Stage, id: string): Promise<void> {
  const { cluster, say } = stage
  await cluster.kill(id)
  await removed(stage, id)
  rmSync(cluster.directoryOf(id), { recursive: true, force: true })
  await added(stage, id)
  say(`${id} was removed, wiped and added again`)
}

/** Repeats what may have been refused for a while, until the membership is so. */
export async function removed({ cluster }: Stage, id: string): Promise<void> {
  await eventually(
    `membership without ${id}`,
    async () => {
      const leader = await leading(cluster)
      if (leader === undefined) return undefined
      if (!leader.membership.members.some((member) => member.id === id) && leader.isMembershipCommitted) return true
      await cluster.asking.changeMembership({ remove: [id] })
      return undefined
    },
    PATIENCE_MS,
  )
}

/** A member that runs learns that it was removed, and ends by itself. */
export async function dismissed(stage: Stage, id: string): Promise<void> {
  await removed(stage, id)
  const ended = await Promise.race([stage.cluster.ended(id), pause(stage, FAREWELL_MS)])
  if (ended === undefined) throw new Finding(`${id} was removed, and still runs ${FAREWELL_MS} ms later`)
  if (ended.exitCode !== DO_NOT_RESTART) throw new Finding(`after its removal ${endedHow(id, ended)}`)
  rmSync(stage.cluster.directoryOf(id), { recursive: true })
}

/** Starts a node with an empty directory, and waits until it votes. */
export async function added(stage: Stage, id: string): Promise<void> {
  const { cluster } = stage
  const address = cluster.links.addresses[id] ?? ''
  await eventually(
    `membership with ${id}`,
    async () => {
      const leader = await leading(cluster)
      if (leader === undefined) return undefined
      if (leader.membership.members.some((member) => member.id === id)) return true
      await cluster.asking.changeMembership({ add: [{ id, address, promote: true }] })
      return undefined
    },
    PATIENCE_MS,
  )
  cluster.join(id)
  await eventually(
    `voter ${id}`,
    async () => {
      if (!cluster.isRunning(id)) throw new Finding(`${id} did not join: ${endedHow(id, await cluster.ended(id))}`)
      const { voters = [], outgoing = [] } = (await leading(cluster))?.membership ?? {}
      return voters.includes(id) && outgoing.length === 0 ? true : undefined
    },
    PATIENCE_MS,
  )
}

export function endedHow(id: string, { exitCode, signal, stderr }: Ended): string {
  return `${id} ended with ${exitCode ?? signal}: ${stderr}`
}

/** The status of who leads in the newest term. */
async function leading(cluster: ProcessCluster): Promise<NodeStatus | undefined> {
  const leaders = (await cluster.statuses()).filter(({ role }) => role === 'leader')
  return leaders.sort((a, b) => b.term - a.term)[0]
}
