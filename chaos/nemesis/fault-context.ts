/** The context passed to every fault, and helpers that several faults share. */
import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { NodeStatus } from '../../src/contracts/node-service.ts'
import type { SeededRandom } from '../../src/testing/simulation/seeded-random.ts'
import { eventually } from '../cluster/eventually.ts'
import type { ProcessCluster, ProcessExit } from '../cluster/process-cluster.ts'
import type { TinyDisk } from '../cluster/tiny-disk.ts'

export interface FaultContext {
  readonly cluster: ProcessCluster
  /** The source of every random choice of the fault, from its own seed. */
  readonly random: SeededRandom
  /** The node whose disk can be filled; undefined if no small file system can be mounted here. */
  readonly tinyDiskNode: { readonly id: string; readonly disk: TinyDisk } | undefined
  /** Adds a line to the schedule. */
  readonly log: (action: string) => void
  /** Aborted when the run ends. */
  readonly signal: AbortSignal
}

export type Fault = (context: FaultContext) => Promise<void>

/** The cluster did something that it must not do. */
export class UnexpectedOutcome extends Error {
  override readonly name = 'UnexpectedOutcome'
}

/** How long the cluster may take to recover from a fault. */
export const RECOVERY_TIMEOUT_MS = 90_000

/** How long a removed node may take to learn of its removal and exit. */
const REMOVED_EXIT_TIMEOUT_MS = 20_000
/** The exit code of a node whose disk has failed. */
export const EXIT_IO = 74
/** The exit code of a node that cannot start with its data. */
export const EXIT_DO_NOT_RESTART = 78

export function pause({ signal }: FaultContext, ms: number): Promise<void> {
  return sleep(ms, undefined, { signal })
}

/** Pauses for a random time between `from` and `to` milliseconds. */
export function randomPause(context: FaultContext, from: number, to: number): Promise<void> {
  return pause(context, context.random.between(from, to))
}

export function leaderOf({ cluster }: FaultContext): Promise<string> {
  return cluster.leader(undefined, RECOVERY_TIMEOUT_MS)
}

/** How the node's process ended; undefined if it still runs after `ms`. */
export async function exitWithin(context: FaultContext, id: string, ms: number): Promise<ProcessExit | undefined> {
  const limit = pause(context, ms).then(() => undefined)
  const exit = await Promise.race([context.cluster.exitOf(id), limit])
  limit.catch(() => undefined)
  return exit
}

/** `count` random nodes, sorted. */
export function pickNodes({ cluster, random }: FaultContext, count: number): string[] {
  const left = [...cluster.ids]
  return Array.from({ length: count }, () => left.splice(random.below(left.length), 1)[0] as string).sort()
}

export function majoritySize({ cluster }: FaultContext): number {
  return Math.floor(cluster.ids.length / 2) + 1
}

/** Removes a node, deletes its directory and adds it as a new member: the only safe way back for a node without its data. */
export async function replaceNode(context: FaultContext, id: string): Promise<void> {
  const { cluster, log } = context
  await cluster.kill(id)
  await removeMember(context, id)
  rmSync(cluster.directoryOf(id), { recursive: true, force: true })
  await addMember(context, id)
  log(`${id} was removed, wiped and added again`)
}

/** Removes a member; retries until the new membership is committed. */
export async function removeMember({ cluster }: FaultContext, id: string): Promise<void> {
  await eventually(
    `removal of ${id}`,
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

/** Removes a running member and waits until its process exits because of that. */
export async function removeAndAwaitExit(context: FaultContext, id: string): Promise<void> {
  await removeMember(context, id)
  const exit = await Promise.race([context.cluster.exitOf(id), pause(context, REMOVED_EXIT_TIMEOUT_MS)])
  if (exit === undefined)
    throw new UnexpectedOutcome(`${id} still runs ${REMOVED_EXIT_TIMEOUT_MS} ms after its removal`)
  if (exit.exitCode !== EXIT_DO_NOT_RESTART) throw new UnexpectedOutcome(`after its removal ${describeExit(id, exit)}`)
  rmSync(context.cluster.directoryOf(id), { recursive: true })
}

/** Adds a node with an empty directory, starts it, and waits until it is a voter. */
export async function addMember(context: FaultContext, id: string): Promise<void> {
  const { cluster } = context
  const address = cluster.links.addresses[id] ?? ''
  await eventually(
    `addition of ${id}`,
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
  return `${id} exited with ${exitCode ?? signal}: ${stderr}`
}

/** The status of the leader with the highest term. */
async function leaderStatus(cluster: ProcessCluster): Promise<NodeStatus | undefined> {
  const leaders = (await cluster.statuses()).filter(({ role }) => role === 'leader')
  return leaders.sort((a, b) => b.term - a.term)[0]
}
