/** One run of a simulated cluster: faults under work, then healing, then the question whether it lives. */
import type { RaftEvent } from '../core/events.ts'
import type { RaftOptions } from '../core/options.ts'
import type { RuntimeOptions } from '../runtime/options.ts'
import type { MachineUnderTest } from './machine-under-test.ts'
import type { Property } from './properties/property.ts'
import { Clients } from './simulation/clients.ts'
import { Cluster } from './simulation/cluster.ts'
import { FaultInjector } from './simulation/fault-injector.ts'
import type { FaultPlan } from './simulation/faults.ts'
import type { Interceptors } from './simulation/interceptors.ts'
import { runLivenessPhase } from './simulation/liveness-phase.ts'
import type { StepObserver } from './simulation/step-observer.ts'
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
  readonly interceptors?: Interceptors | undefined
  /** Is given every line of a recording of the run, as it happens; `checkRecording` judges them again. */
  readonly record?: ((line: string) => void) | undefined
  /** Is shown the run after every event, and a last time when it is over. */
  readonly onStep?: StepObserver | undefined
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
  readonly eventCounts: ReadonlyMap<RaftEvent['type'], number>
  /** What was wrong first; undefined if nothing was. */
  readonly failure: unknown
  /** One line per event, if it was asked for. */
  readonly trace: string | undefined
}

export const CLUSTER: ClusterPlan = { voters: 3, spares: 1 }
export const HEAL_AT_MS: number = 4000

/** Runs a cluster through its faults and back, judging every step. Resolves also when a promise was broken: see `failure`. */
export async function simulate(options: SimulationOptions): Promise<History> {
  const { seed, cluster: plan = CLUSTER, settings = {}, healAtMs = HEAL_AT_MS } = options
  const { properties, isTraced = false, machine, interceptors, onStep, record } = options
  const cluster = new Cluster({
    seed,
    plan,
    settings,
    properties,
    isTraced,
    machine,
    interceptors,
    onStep,
    record,
  })
  const clients = new Clients(cluster)
  const injector = new FaultInjector(cluster, (node) => clients.onProcessEnded(node))
  for (const node of cluster.nodes) node.start()
  clients.schedule(options.workload)
  injector.schedule(options.faults)
  await cluster.runUntil(healAtMs * 1000)
  if (!cluster.isOver) await runLivenessPhase(cluster, clients, injector)
  await cluster.reportStep(true)
  return {
    seed,
    events: cluster.time.executed,
    steps: cluster.steps,
    calls: clients.calls,
    commitIndex: cluster.monitor.view.committedLog.lastIndex,
    eventCounts: cluster.eventCounts,
    failure: cluster.failure,
    trace: cluster.trace?.text,
  }
}
