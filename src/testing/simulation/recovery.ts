/** The end of a run: the faults are over, and the cluster must live; first without those who stay away, then with everybody. */
import type { RaftStatus } from '../../core/status.ts'
import type { NodeId } from '../../core/types.ts'
import { bytesOf } from '../machine-under-test.ts'
import { judgeLiveness, judgePromotions, LIVENESS, leadersAmong, summary } from '../properties/liveness.ts'
import { BrokenPromise } from '../properties/property.ts'
import { canDoWithout } from '../properties/quorum.ts'
import type { Clients } from './clients.ts'
import type { Cluster } from './cluster.ts'
import type { Mishaps } from './mishaps.ts'
import type { SimulatedNode } from './simulated-node.ts'

/** Election timeouts until a leader must be there. */
const ELECTIONS = 10
/** For a leader to stay one, and everybody to hear what it has. */
const QUIET_MS = 1500

export async function recover(cluster: Cluster, clients: Clients, mishaps: Mishaps): Promise<void> {
  mishaps.heal()
  if (mishaps.missing.size > 0) await liveWithout(cluster, clients, mishaps.missing)
  if (cluster.isOver) return
  mishaps.bringBack()
  // A change that was asked for just before data was lost may have made that data needed: nobody promises to live then.
  if (cluster.lost.size > 0 && !canDoWithout(cluster.watch.view, cluster.lost)) return
  await removeLost(cluster, clients)
  await live(cluster, clients)
}

/** A minority is away for good: the others must have a leader, and commit what is written. */
async function liveWithout(cluster: Cluster, clients: Clients, missing: ReadonlySet<SimulatedNode>): Promise<void> {
  const { time } = cluster
  const callsThen = clients.calls
  for (let election = 0; election < ELECTIONS && !cluster.isOver; election++) {
    await cluster.runUntil(time.nowUs + electionUs(cluster))
    if (clients.acknowledged > callsThen) return
    const [leader] = leadersAmong(statusesOf(cluster, missing))
    const node = cluster.nodes.findIndex(({ id }) => id === leader?.id)
    if (node >= 0) clients.perform({ type: 'write', atMs: 0, node, count: 1 })
  }
  await cluster.runUntil(time.nowUs + QUIET_MS * 1000)
  if (cluster.isOver || clients.acknowledged > callsThen) return
  const away = new Set([...missing].map(({ id }) => id))
  // What the membership has become meanwhile may need them.
  if (!canDoWithout(cluster.watch.view, away)) return
  const wrong = clients.calls === callsThen ? 'nobody leads' : 'nothing that was written was committed'
  const standing = summary([...statusesOf(cluster, missing).values()])
  cluster.fail(new BrokenPromise(LIVENESS.suffices, `without ${[...away]} ${wrong}; ${standing}`))
}

/** The operator removes those whose data is lost. */
async function removeLost(cluster: Cluster, clients: Clients): Promise<void> {
  const remove = [...cluster.nodes.keys()].filter((number) => cluster.lost.has(cluster.nodes[number]?.id ?? ''))
  for (let election = 0; election < ELECTIONS && remove.length > 0 && !cluster.isOver; election++) {
    const [leader] = leadersAmong(statusesOf(cluster))
    const isGone = leader?.membership.members.every(({ id }) => !cluster.lost.has(id))
    if (isGone && leader?.isMembershipCommitted) return
    clients.perform({ type: 'change', atMs: 0, add: [], promote: [], demote: [], remove })
    await cluster.runUntil(cluster.time.nowUs + electionUs(cluster))
  }
}

/** Nothing is wrong any more: a leader must come, what is written must reach everybody, and every call must end. */
async function live(cluster: Cluster, clients: Clients): Promise<void> {
  const { time } = cluster
  await cluster.runUntil(time.nowUs + ELECTIONS * electionUs(cluster))
  if (cluster.isOver) return
  const termThen = leadersAmong(statusesOf(cluster))[0]?.term
  try {
    judgePromotions(statusesOf(cluster))
  } catch (error) {
    return cluster.fail(error)
  }
  for (const number of cluster.nodes.keys()) clients.perform({ type: 'write', atMs: 0, node: number, count: 1 })
  await cluster.runUntil(time.nowUs + QUIET_MS * 1000)
  if (cluster.isOver) return
  try {
    judgeLiveness({ statuses: statusesOf(cluster), openCalls: clients.openCalls, termThen })
  } catch (error) {
    cluster.fail(error)
    return
  }
  const members = leadersAmong(statusesOf(cluster))[0]?.membership.members ?? []
  for (const { id, machine } of cluster.nodes) {
    if (machine === undefined || !members.some((member) => member.id === id)) continue
    const { commands, tried } = machine
    const state = tried === undefined ? undefined : (await bytesOf(tried.snapshot())).toString('latin1')
    cluster.see({ type: 'ended', node: id, commands, state })
  }
}

function electionUs({ settings }: Cluster): number {
  return (settings.electionTimeoutMaxMs as number) * 1000
}

/** Of those who run and are not among the missing. */
function statusesOf({ nodes }: Cluster, missing: ReadonlySet<SimulatedNode> = new Set()): Map<NodeId, RaftStatus> {
  return new Map(
    nodes.flatMap((one) => (one.node === undefined || missing.has(one) ? [] : [[one.id, one.node.statusNow()]])),
  )
}
