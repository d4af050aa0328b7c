/** A run in which a follower loses its disk under load, and an operator may remove it and add it again under its id. */
import type { RunPlan } from '../../src/testing/arbitraries/plans.ts'
import type { Cluster } from '../../src/testing/simulation/cluster.ts'
import { addressOf } from '../../src/testing/simulation/endpoint.ts'
import { NORMAL_CONDITIONS } from '../../src/testing/simulation/network-conditions.ts'
import type { SimulatedNode } from '../../src/testing/simulation/simulated-node.ts'
import { LEADER } from '../../src/testing/simulation/workload.ts'
import type { MutantKit } from './build-mutant.ts'
import { LATE_MESSAGES } from './conditions.ts'
import { UNCHECKED_CORES } from './detect.ts'

const WRITE_EVERY_US = 50_000
const LOST_AT_US = 1_500_000
const REMOVED_AT_US = 2_000_000
const END_US = 6_000_000
const QUIET_US = 2_000_000

/** Long enough that an empty node catches up from the log, without a snapshot. */
const LONG_LOG = { trailingEntries: 10_000, trailingBytesMax: 1_000_000 }

/**
 * If `isRemovedFirst`, the member is removed before the node restarts with an empty disk, and is then added again: the documented way.
 * Otherwise the node simply restarts, and the leader crashes.
 */
export async function replaceNode(kit: MutantKit, { seed }: RunPlan, isRemovedFirst: boolean): Promise<unknown> {
  const plan = { voters: 3, spares: 0 }
  const cluster = new kit.Cluster({ seed, plan, settings: LONG_LOG, isTraced: false, interceptors: UNCHECKED_CORES })
  const clients = new kit.Clients(cluster)
  const writeUntil = async (untilUs: number): Promise<void> => {
    while (cluster.time.nowUs < untilUs && cluster.failure === undefined) {
      clients.perform({ type: 'write', atMs: 0, node: LEADER, count: 2 })
      await cluster.runUntil(Math.min(untilUs, cluster.time.nowUs + WRITE_EVERY_US))
    }
  }
  for (const node of cluster.nodes) node.start()
  await writeUntil(1_000_000)
  cluster.network.conditions = { ...LATE_MESSAGES.conditions, lossPerMille: 0, stalePerMille: 200 }
  await writeUntil(LOST_AT_US)
  const { leader } = cluster
  const wiped = cluster.nodes.find((node) => node !== leader) as SimulatedNode
  if (isRemovedFirst) void leader?.node?.changeMembership({ remove: [wiped.id] }).catch(() => undefined)
  await writeUntil(REMOVED_AT_US)
  wiped.wipe()
  wiped.isRemoved = false
  if (isRemovedFirst) Object.assign(wiped.plan, { peers: {} })
  wiped.expectsRejection = !isRemovedFirst
  wiped.start()
  if (isRemovedFirst) {
    const add = [{ id: wiped.id, address: addressOf(wiped.id), promote: true }]
    void cluster.leader?.node?.changeMembership({ add }).catch(() => undefined)
  } else leader?.crash(true)
  await writeUntil(END_US)
  if (cluster.failure !== undefined || !isRemovedFirst) return cluster.failure
  cluster.network.conditions = NORMAL_CONDITIONS
  await cluster.runUntil(END_US + QUIET_US)
  return cluster.failure ?? livenessFailure(kit, cluster)
}

function livenessFailure(kit: MutantKit, { nodes }: Cluster): unknown {
  const statuses = new Map(
    nodes.flatMap(({ id, node }) => (node === undefined ? [] : [[id, node.statusNow()] as const])),
  )
  const termAtDeadline = kit.currentLeaders(statuses)[0]?.term
  try {
    kit.checkLiveness({ statuses, openCalls: 0, termAtDeadline })
    return undefined
  } catch (error) {
    return error
  }
}
