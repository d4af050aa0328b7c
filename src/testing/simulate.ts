/** One run of a simulated cluster: faults under work, then healing, then the question whether it lives. */
import type { RaftEvent } from '../core/events.ts'
import type { RaftOptions } from '../core/options.ts'
import type { RaftStatus } from '../core/status.ts'
import type { NodeId } from '../core/types.ts'
import type { RuntimeOptions } from '../runtime/options.ts'
import type { MachineUnderTest } from './machine-under-test.ts'
import { bytesOf } from './machine-under-test.ts'
import { judgeLiveness, leadersAmong } from './properties/liveness.ts'
import type { Property } from './properties/property.ts'
import { Clients } from './simulation/clients.ts'
import { Cluster } from './simulation/cluster.ts'
import type { FaultPlan } from './simulation/faults.ts'
import { Mishaps } from './simulation/mishaps.ts'
import type { Onlooker } from './simulation/onlooker.ts'
import type { Tampering } from './simulation/tampering.ts'
import type { ClusterPlan, Workload } from './simulation/workload.ts'

export interface SimulationOptions {
  /** All chance of the run comes from this integer. */
  readonly seed: number
  readonly cluster?: ClusterPlan | undefined
  readonly workload: Workload
  readonly faults: FaultPlan
  /** When all faults end, in milliseconds of the world; the cluster then has ten election timeouts to heal. */
  readonly healAtMs?: number | undefined
  /** Options of every node, over those that make a short run eventful. */
  readonly settings?: Partial<RaftOptions & RuntimeOptions> | undefined
  /** A machine of yours, to be given the same commands as the simulation's own, and judged with it. */
  readonly machine?: MachineUnderTest | undefined
  /** What to judge the run by; every promise of safety, unless said otherwise. */
  readonly properties?: readonly Property[] | undefined
  /** Whether to write down what happens; a run that fails is run again with it. */
  readonly isTraced?: boolean | undefined
  /** Tricks played on every node; for tests of the judges. */
  readonly tampering?: Tampering | undefined
  /** Is shown the run after every event, and a last time when it is over. */
  readonly onlooker?: Onlooker | undefined
}

/** What came of a run. */
export interface History {
  readonly seed: number
  /** Things that happened in the world, and steps of the cores among them. */
  readonly events: number
  readonly steps: number
  readonly calls: number
  readonly commitIndex: number
  /** How often each event was told by a core: whether the run saw what it was meant to see. */
  readonly told: ReadonlyMap<RaftEvent['type'], number>
  /** What was wrong first; undefined if nothing was. */
  readonly failure: unknown
  /** One line per event, if it was asked for. */
  readonly trace: string | undefined
}

export const CLUSTER: ClusterPlan = { voters: 3, spares: 1 }
export const HEAL_AT_MS: number = 4000
/** Ten election timeouts. */
const ELECTIONS = 10
/** For a leader to stay one, and everybody to hear what it has. */
const QUIET_MS = 1500

/** Runs a cluster through its faults and back, judging every step. Resolves also when a promise was broken: see `failure`. */
export async function simulate(options: SimulationOptions): Promise<History> {
  const { seed, cluster: plan = CLUSTER, settings = {}, healAtMs = HEAL_AT_MS } = options
  const { properties, isTraced = false, machine, tampering, onlooker } = options
  const cluster = new Cluster({ seed, plan, settings, properties, isTraced, machine, tampering, onlooker })
  const clients = new Clients(cluster)
  const mishaps = new Mishaps(cluster, (node) => clients.nodeDied(node))
  for (const node of cluster.nodes) node.start()
  clients.schedule(options.workload)
  mishaps.schedule(options.faults)
  await cluster.runUntil(healAtMs * 1000)
  if (!cluster.isOver) {
    mishaps.heal()
    await live(cluster, clients)
  }
  await cluster.show(true)
  return {
    seed,
    events: cluster.time.happened,
    steps: cluster.steps,
    calls: clients.calls,
    commitIndex: cluster.watch.view.ledger.lastIndex,
    told: cluster.told,
    failure: cluster.failure,
    trace: cluster.trace?.text,
  }
}

/** Nothing is wrong any more: a leader must come, what is written must reach everybody, and every call must end. */
async function live(cluster: Cluster, clients: Clients): Promise<void> {
  const { time, settings } = cluster
  const electionUs = (settings.electionTimeoutMaxMs as number) * 1000
  await cluster.runUntil(time.nowUs + ELECTIONS * electionUs)
  if (cluster.isOver) return
  const termThen = leadersAmong(statusesOf(cluster))[0]?.term
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

function statusesOf(cluster: Cluster): Map<NodeId, RaftStatus> {
  return new Map(cluster.nodes.flatMap(({ id, node }) => (node === undefined ? [] : [[id, node.statusNow()]])))
}
