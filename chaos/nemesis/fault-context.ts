/** What a fault may lay hands on, and the words most of them are told in. */
import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { NodeStatus } from '../../src/contracts/node-service.ts'
import type { SeededRandom } from '../../src/testing/simulation/seeded-random.ts'
import { eventually } from '../cluster/eventually.ts'
import type { ProcessCluster, ProcessExit } from '../cluster/process-cluster.ts'
import type { TinyDisk } from '../cluster/tiny-disk.ts'

/** All that is random in a fault comes from its own seed; what it does is said as it is done. */
export interface FaultContext {
  readonly cluster: ProcessCluster
  readonly random: SeededRandom
  /** The node whose disk can be filled, if there is one. */
  readonly tiny: { readonly id: string; readonly disk: TinyDisk } | undefined
  readonly say: (what: string) => void
  /** Ends the run when it is to be ended. */
  readonly signal: AbortSignal
}

export type Fault = (stage: FaultContext) => Promise<void>

/** Something happened that must not. */
export class UnexpectedOutcome extends Error {
  override readonly name = 'Finding'
}

/** After the faults the cluster must be whole again by then. */
export const RECOVERY_TIMEOUT_MS = 90_000

/** After this long a removed node must have learned of it, and ended. */
const REMOVED_EXIT_TIMEOUT_MS = 20_000
/** Exit codes of a node that refuses: its disk failed, or starting again will not help. */
export const EXIT_IO = 74
export const EXIT_DO_NOT_RESTART = 78

export function pause({ signal }: FaultContext, ms: number): Promise<void> {
  return sleep(ms, undefined, { signal })
}

/** Between `from` and `to` milliseconds, from the fault's seed. */
export function randomPause(stage: FaultContext, from: number, to: number): Promise<void> {
  return pause(stage, stage.random.between(from, to))
}

export function leaderOf({ cluster }: FaultContext): Promise<string> {
  return cluster.leader(undefined, RECOVERY_TIMEOUT_MS)
}

/** Some of the nodes, by the seed. */
export function pickNodes({ cluster, random }: FaultContext, count: number): string[] {
  const left = [...cluster.ids]
  return Array.from({ length: count }, () => left.splice(random.below(left.length), 1)[0] as string).sort()
}

export function majoritySize({ cluster }: FaultContext): number {
  return Math.floor(cluster.ids.length / 2) + 1
}

/** Where a node's directory is gone, so is what it has promised: it leaves, and comes back as a new member. */
export async function replaceNode(stage: FaultContext, id: string): Promise<void> {
  const { cluster, say } = stage
  await cluster.kill(id)
  await removeMember(stage, id)
  rmSync(cluster.directoryOf(id), { recursive: true, force: true })
  await addMember(stage, id)
  say(`${id} was removed, wiped and added again`)
}

/** Repeats what may have been refused for a while, until the membership is so. */
export async function removeMember({ cluster }: FaultContext, id: string): Promise<void> {
  await eventually(
    `membership without ${id}`,
    async () => {
      const leader = await leaderStatus(cluster)
      if (leader === undefined) return undefined
      if (!leader.membership.members.some((member) => member.id === id) && leader.isMembershipCommitted) return true
      await cluster.adminClient.changeMembership({ remove: [id] })
      return undefined
    },
    RECOVERY_TIMEOUT_MS,
  )
}

/** A member that runs learns that it was removed, and ends by itself. */
export async function removeAndAwaitExit(stage: FaultContext, id: string): Promise<void> {
  await removeMember(stage, id)
  const ended = await Promise.race([stage.cluster.exitOf(id), pause(stage, REMOVED_EXIT_TIMEOUT_MS)])
  if (ended === undefined)
    throw new UnexpectedOutcome(`${id} was removed, and still runs ${REMOVED_EXIT_TIMEOUT_MS} ms later`)
  if (ended.exitCode !== EXIT_DO_NOT_RESTART)
    throw new UnexpectedOutcome(`after its removal ${describeExit(id, ended)}`)
  rmSync(stage.cluster.directoryOf(id), { recursive: true })
}

/** Starts a node with an empty directory, and waits until it votes. */
export async function addMember(stage: FaultContext, id: string): Promise<void> {
  const { cluster } = stage
  const address = cluster.links.addresses[id] ?? ''
  await eventually(
    `membership with ${id}`,
    async () => {
      const leader = await leaderStatus(cluster)
      if (leader === undefined) return undefined
      if (leader.membership.members.some((member) => member.id === id)) return true
      await cluster.adminClient.changeMembership({ add: [{ id, address, promote: true }] })
      return undefined
    },
    RECOVERY_TIMEOUT_MS,
  )
  cluster.join(id)
  await eventually(
    `voter ${id}`,
    async () => {
      if (!cluster.isRunning(id))
        throw new UnexpectedOutcome(`${id} did not join: ${describeExit(id, await cluster.exitOf(id))}`)
      const { voters = [], outgoing = [] } = (await leaderStatus(cluster))?.membership ?? {}
      return voters.includes(id) && outgoing.length === 0 ? true : undefined
    },
    RECOVERY_TIMEOUT_MS,
  )
}

export function describeExit(id: string, { exitCode, signal, stderr }: ProcessExit): string {
  return `${id} ended with ${exitCode ?? signal}: ${stderr}`
}

/** The status of who leads in the newest term. */
async function leaderStatus(cluster: ProcessCluster): Promise<NodeStatus | undefined> {
  const leaders = (await cluster.statuses()).filter(({ role }) => role === 'leader')
  return leaders.sort((a, b) => b.term - a.term)[0]
}
