/** The end of a run: the faults are over, and the cluster must live; first without those who stay away, then with everybody. */
import type { RaftStatus } from '../../core/status.ts'
import type { NodeId } from '../../core/types.ts'
import { collectBytes } from '../machine-under-test.ts'
import { checkLiveness, checkPromotions, currentLeaders, LIVENESS, summarizeStatuses } from '../properties/liveness.ts'
import { PropertyViolation } from '../properties/property.ts'
import { hasQuorumWithout } from '../properties/quorum.ts'
import type { Clients } from './clients.ts'
import type { Cluster } from './cluster.ts'
import type { FaultInjector } from './fault-injector.ts'
import type { SimulatedNode } from './simulated-node.ts'

/** Election timeouts until a leader must be there. */
const ELECTION_TIMEOUTS_MAX = 10
/** For a leader to stay one, and everybody to hear what it has. */
const SETTLE_MS = 1500

export async function runLivenessPhase(cluster: Cluster, clients: Clients, injector: FaultInjector): Promise<void> {
  injector.heal()
  if (injector.missing.size > 0) await checkProgressWithout(cluster, clients, injector.missing)
  if (cluster.isOver) return
  injector.restoreMissing()
  // A change that was asked for just before data was lost may have made that data needed: nobody promises to live then.
  if (cluster.withoutData.size > 0 && !hasQuorumWithout(cluster.monitor.view, cluster.withoutData)) return
  await removeNodesWithoutData(cluster, clients)
  await checkClusterLiveness(cluster, clients)
}

/** A minority is away for good: the others must have a leader, and commit what is written. */
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
  const missingIds = new Set([...missing].map(({ id }) => id))
  // What the membership has become meanwhile may need them.
  if (!hasQuorumWithout(cluster.monitor.view, missingIds)) return
  const problem = clients.calls === callsBefore ? 'nobody leads' : 'nothing that was written was committed'
  const standing = summarizeStatuses([...statusesOf(cluster, missing).values()])
  cluster.fail(new PropertyViolation(LIVENESS.majoritySuffices, `without ${[...missingIds]} ${problem}; ${standing}`))
}

/** The operator removes those whose data is lost. */
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

/** Nothing is wrong any more: a leader must come, what is written must reach everybody, and every call must end. */
async function checkClusterLiveness(cluster: Cluster, clients: Clients): Promise<void> {
  const { time } = cluster
  await cluster.runUntil(time.nowUs + ELECTION_TIMEOUTS_MAX * electionTimeoutUs(cluster))
  if (cluster.isOver) return
  const termThen = currentLeaders(statusesOf(cluster))[0]?.term
  try {
    checkPromotions(statusesOf(cluster))
  } catch (error) {
    return cluster.fail(error)
  }
  for (const number of cluster.nodes.keys()) clients.perform({ type: 'write', atMs: 0, node: number, count: 1 })
  await cluster.runUntil(time.nowUs + SETTLE_MS * 1000)
  if (cluster.isOver) return
  try {
    checkLiveness({ statuses: statusesOf(cluster), openCalls: clients.openCalls, termAtDeadline: termThen })
  } catch (error) {
    cluster.fail(error)
    return
  }
  const members = currentLeaders(statusesOf(cluster))[0]?.membership.members ?? []
  for (const { id, machine } of cluster.nodes) {
    if (machine === undefined || !members.some((member) => member.id === id)) continue
    const { commands, userMachine } = machine
    const state =
      userMachine === undefined ? undefined : (await collectBytes(userMachine.snapshot())).toString('latin1')
    cluster.observe({ type: 'ended', node: id, commands, state })
  }
}

function electionTimeoutUs({ settings }: Cluster): number {
  return (settings.electionTimeoutMaxMs as number) * 1000
}

/** Of those who run and are not among the missing. */
function statusesOf({ nodes }: Cluster, missing: ReadonlySet<SimulatedNode> = new Set()): Map<NodeId, RaftStatus> {
  return new Map(
    nodes.flatMap((one) => (one.node === undefined || missing.has(one) ? [] : [[one.id, one.node.statusNow()]])),
  )
}
