/** The liveness phase of a run: all faults have ended, and the cluster must make progress, first without the missing nodes, then with them. */

import type { RaftStatus } from '../../core/status.ts'
import type { NodeId } from '../../core/types.ts'
import { collectChunks, latin1 } from '../../platform/bytes.ts'
import { checkLiveness, checkPromotions, currentLeaders, LIVENESS, summarizeStatuses } from '../properties/liveness.ts'
import { PropertyViolation } from '../properties/property.ts'
import { hasQuorumWithout } from '../properties/quorum.ts'
import type { Clients } from './clients.ts'
import type { Cluster } from './cluster.ts'
import type { FaultInjector } from './fault-injector.ts'
import type { SimulatedNode } from './simulated-node.ts'

/** A leader must exist within this many election timeouts. */
const ELECTION_TIMEOUTS_MAX = 10
/** Time for the leader to replicate and commit everything everywhere. */
const SETTLE_MS = 1500

export async function runLivenessPhase(cluster: Cluster, clients: Clients, injector: FaultInjector): Promise<void> {
  injector.heal()
  if (injector.missing.size > 0 || cluster.goneBack.size > 0)
    await checkProgressWithout(cluster, clients, injector.missing)
  if (cluster.isOver) return
  injector.restoreMissing()
  if (cluster.goneBack.size > 0) await checkLossNoticed(cluster)
  if (cluster.isOver) return
  injector.stopGoneBack()
  // A membership change requested just before the loss of data may have made that data necessary: progress is not guaranteed then.
  if (cluster.withoutData.size > 0 && !hasQuorumWithout(cluster.monitor.view, cluster.withoutData)) return
  await removeNodesWithoutData(cluster, clients)
  await checkClusterLiveness(cluster, clients)
}

/** A minority stays away: the other nodes must elect a leader and commit writes. */
async function checkProgressWithout(
  cluster: Cluster,
  clients: Clients,
  missing: ReadonlySet<SimulatedNode>,
): Promise<void> {
  const { time } = cluster
  const callsBefore = clients.calls
  for (let election = 0; election < ELECTION_TIMEOUTS_MAX && !cluster.isOver; election++) {
    await cluster.runUntil(time.nowUs + electionTimeoutUs(cluster))
    if (clients.acknowledged > callsBefore) return
    const [leader] = currentLeaders(statusesOf(cluster, missing))
    const node = cluster.nodes.findIndex(({ id }) => id === leader?.id)
    if (node >= 0) clients.perform({ type: 'write', atMs: 0, node, count: 1 })
  }
  await cluster.runUntil(time.nowUs + SETTLE_MS * 1000)
  if (cluster.isOver || clients.acknowledged > callsBefore) return
  const running = statusesOf(cluster, missing)
  const missingIds = new Set(cluster.nodes.map(({ id }) => id).filter((id) => !running.has(id)))
  // A membership change in the meantime, even one that has only begun, may have made the missing nodes necessary.
  if (!hasQuorumWithout(cluster.monitor.view, missingIds)) return
  const problem = clients.calls === callsBefore ? 'there is no leader' : 'no write was committed'
  const statuses = summarizeStatuses([...running.values()])
  cluster.fail(new PropertyViolation(LIVENESS.majoritySuffices, `without ${[...missingIds]} ${problem}; ${statuses}`))
}

/** A node whose disk has gone back stops, or becomes equal to the leader. Meanwhile the leader serves. */
async function checkLossNoticed(cluster: Cluster): Promise<void> {
  const { time, goneBack } = cluster
  await cluster.runUntil(time.nowUs + ELECTION_TIMEOUTS_MAX * electionTimeoutUs(cluster) + SETTLE_MS * 1000)
  if (cluster.isOver) return
  const statuses = statusesOf(cluster)
  const [leader] = currentLeaders(statuses)
  for (const { id, node, disk } of cluster.nodes) {
    if (node === undefined || disk.changedIndex === undefined || node.statusNow().stopped !== undefined) continue
    const detail = `${id} still runs with another command at ${disk.changedIndex} on its disk than in its log`
    cluster.fail(new PropertyViolation(LIVENESS.changeNoticed, detail))
  }
  for (const id of goneBack) {
    const status = statuses.get(id)
    if (status === undefined) continue
    if (leader === undefined || !leader.membership.members.some((member) => member.id === id)) continue
    if (status.appliedIndex >= leader.commitIndex) continue
    const summary = summarizeStatuses([...statuses.values()])
    cluster.fail(new PropertyViolation(LIVENESS.lossNoticed, `${id} neither catches up nor stops; ${summary}`))
  }
}

/** The operator removes the nodes that lost their data. */
async function removeNodesWithoutData(cluster: Cluster, clients: Clients): Promise<void> {
  const remove = [...cluster.nodes.keys()].filter((number) => cluster.withoutData.has(cluster.nodes[number]?.id ?? ''))
  for (let election = 0; election < ELECTION_TIMEOUTS_MAX && remove.length > 0 && !cluster.isOver; election++) {
    const [leader] = currentLeaders(statusesOf(cluster))
    const isGone = leader?.membership.members.every(({ id }) => !cluster.withoutData.has(id))
    if (isGone && leader?.isMembershipCommitted) return
    clients.perform({ type: 'change', atMs: 0, add: [], promote: [], demote: [], remove })
    await cluster.runUntil(cluster.time.nowUs + electionTimeoutUs(cluster))
  }
}

/** Without faults, a leader must be elected, writes must reach every member, and every call must end. */
async function checkClusterLiveness(cluster: Cluster, clients: Clients): Promise<void> {
  const { time } = cluster
  await cluster.runUntil(time.nowUs + ELECTION_TIMEOUTS_MAX * electionTimeoutUs(cluster))
  if (cluster.isOver) return
  const termAtDeadline = currentLeaders(statusesOf(cluster))[0]?.term
  try {
    checkPromotions(statusesOf(cluster))
  } catch (error) {
    return cluster.fail(error)
  }
  for (const number of cluster.nodes.keys()) clients.perform({ type: 'write', atMs: 0, node: number, count: 1 })
  await cluster.runUntil(time.nowUs + SETTLE_MS * 1000)
  if (cluster.isOver) return
  try {
    checkLiveness({ statuses: statusesOf(cluster), openCalls: clients.openCalls, termAtDeadline })
  } catch (error) {
    cluster.fail(error)
    return
  }
  const members = currentLeaders(statusesOf(cluster))[0]?.membership.members ?? []
  for (const { id, machine } of cluster.nodes) {
    if (machine === undefined || !members.some((member) => member.id === id)) continue
    const { commands, userMachine } = machine
    const state = userMachine === undefined ? undefined : latin1(await collectChunks(userMachine.snapshot()))
    cluster.observe({ type: 'ended', node: id, commands, state })
  }
}

function electionTimeoutUs({ settings }: Cluster): number {
  const { electionTimeoutMaxMs = 0, electionTimeoutLimitMs = 0 } = settings
  return Math.max(electionTimeoutMaxMs, electionTimeoutLimitMs) * 1000
}

/** The statuses of the nodes that run, are not missing and have not stopped with proof that their disk went back. */
function statusesOf(cluster: Cluster, missing: ReadonlySet<SimulatedNode> = new Set()): Map<NodeId, RaftStatus> {
  const { nodes, goneBack } = cluster
  const running = nodes.flatMap((one) => (missing.has(one) ? [] : (cluster.statusOf(one) ?? [])))
  return new Map(
    running.filter(({ id, stopped }) => stopped === undefined || !goneBack.has(id)).map((one) => [one.id, one]),
  )
}
