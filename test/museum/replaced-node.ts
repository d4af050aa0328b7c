/** A story: writes go on, a follower loses its disk, and the operator takes it out and in again under its name, or does not. */
import type { RunPlan } from '../../src/testing/arbitraries/plans.ts'
import { addressOf } from '../../src/testing/simulation/network.ts'
import type { SimulatedNode } from '../../src/testing/simulation/simulated-node.ts'
import { LEADER } from '../../src/testing/simulation/workload.ts'
import { LATE_MESSAGES } from './conditions.ts'
import type { MuseumKit } from './forge.ts'
import { PLAIN } from './hunt.ts'

const WRITE_EVERY_US = 50_000
const LOST_AT_US = 1_500_000
const REMOVED_AT_US = 2_000_000
const END_US = 7_000_000

/** `isTakenOut`: the member is removed before its empty disk comes back, and is added again, as the book says. */
export async function replacedNode(kit: MuseumKit, { seed }: RunPlan, isTakenOut: boolean): Promise<unknown> {
  const plan = { voters: 3, spares: 0 }
  const cluster = new kit.Cluster({ seed, plan, settings: {}, isTraced: false, tampering: PLAIN })
  const clients = new kit.Clients(cluster)
  const writing = async (untilUs: number): Promise<void> => {
    while (cluster.time.nowUs < untilUs && cluster.failure === undefined) {
      clients.perform({ type: 'write', atMs: 0, node: LEADER, count: 2 })
      await cluster.runUntil(Math.min(untilUs, cluster.time.nowUs + WRITE_EVERY_US))
    }
  }
  for (const node of cluster.nodes) node.start()
  await writing(1_000_000)
  cluster.network.weather = { ...LATE_MESSAGES.weather, lossPerMille: 0, stalePerMille: 200 }
  await writing(LOST_AT_US)
  const { leader } = cluster
  const lost = cluster.nodes.find((node) => node !== leader) as SimulatedNode
  if (isTakenOut) void leader?.node?.changeMembership({ remove: [lost.id] }).catch(() => undefined)
  await writing(REMOVED_AT_US)
  lost.wipe()
  lost.isRetired = false
  if (isTakenOut) Object.assign(lost.plan, { peers: {} })
  lost.expectsFailure = !isTakenOut
  lost.start()
  if (isTakenOut) {
    const add = [{ id: lost.id, address: addressOf(lost.id), promote: true }]
    void cluster.leader?.node?.changeMembership({ add }).catch(() => undefined)
  } else leader?.crash(true)
  await writing(END_US)
  return cluster.failure
}
