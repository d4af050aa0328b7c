/** Runs a simulated cluster: first under load and faults, then without faults, where it must make progress. */
import type { RaftEvent } from '../core/events.ts'
import type { RaftOptions } from '../core/options.ts'
import { checkBoolean, checkFunction, checkInteger, checkMethods, type OptionCheck } from '../platform/options.ts'
import type { RuntimeOptions } from '../runtime/options.ts'
import { OPTION_CHECKS } from '../runtime/options.ts'
import { checkArray, checkOptions, checkSeed, type OptionTable } from './option-checks.ts'
import type { Property } from './properties/property.ts'
import { runPage } from './run-diagram/run-diagram.ts'
import { fieldProblem } from './run-files/plan-lines.ts'
import { Clients } from './simulation/clients.ts'
import { Cluster } from './simulation/cluster.ts'
import { FaultInjector } from './simulation/fault-injector.ts'
import type { Fault, FaultPlan } from './simulation/faults.ts'
import type { Interceptors } from './simulation/interceptors.ts'
import { runLivenessPhase } from './simulation/liveness-phase.ts'
import type { StepObserver } from './simulation/step-observer.ts'
import type { Call, ClusterPlan, Workload } from './simulation/workload.ts'
import type { MachineUnderTest } from './state-machine/machine-under-test.ts'

/** The plan of a run and how to observe it. The plan alone determines everything that happens. */
export interface SimulationOptions {
  /** Source of all random choices: the same plan with the same seed gives the same run. */
  readonly seed: number
  /** Three voters and a spare by default. */
  readonly cluster?: ClusterPlan | undefined
  /** The calls of clients and of the operator. */
  readonly workload: Workload
  readonly faults: FaultPlan
  /** When all faults end, in simulated milliseconds; 4000 by default. The cluster must then elect a leader within ten election timeouts. */
  readonly healAtMs?: number | undefined
  /** Options of every node, on top of the short timeouts and small limits of a simulation. */
  readonly settings?: Partial<RaftOptions & RuntimeOptions> | undefined
  /** Your state machine, from `machineUnderTest`: it receives the same commands as the simulation's own, and is checked with it. */
  readonly machine?: MachineUnderTest | undefined
  /** The properties to check; all safety properties by default. Liveness is always checked. */
  readonly properties?: readonly Property[] | undefined
  /** Whether to write a trace, and to record what `html()` of the result draws. */
  readonly isTraced?: boolean | undefined
  /** Functions that make parts of every node faulty, to test that the properties detect it. */
  readonly interceptors?: Interceptors | undefined
  /** Receives every line of a recording of the run; `checkRecording` can check the lines again. */
  readonly record?: ((line: string) => void) | undefined
  /** Called after every event and once more at the end of the run; may stop the run. */
  readonly onStep?: StepObserver | undefined
}

/** The result of a run. */
export interface SimulationResult {
  readonly seed: number
  /** The number of events executed. */
  readonly events: number
  /** The number of steps of all cores. */
  readonly steps: number
  /** The number of client calls. */
  readonly calls: number
  /** The highest committed index. */
  readonly commitIndex: number
  /** How often the cores reported each event: whether the run reached the situations that it was meant to. */
  readonly eventCounts: ReadonlyMap<RaftEvent['type'], number>
  /** The first PropertyViolation or unexpected error; undefined if the run passed. */
  readonly failure: unknown
  /** One line per event; undefined unless `isTraced`. */
  readonly trace: string | undefined
  /**
   * The end of the run, with the failure, as a self-contained page with a diagram. `runFile` is added at its end. Undefined unless `isTraced`.
   * The states of a `machine` in it are those of other machines, which are made for the page and do the same.
   */
  readonly html: ((runFile?: string) => Promise<string>) | undefined
}

export const CLUSTER: ClusterPlan = { voters: 3, spares: 1 }
export const HEAL_AT_MS: number = 4000

/** Calls or faults, each with the fields of its type. */
const checkPlan =
  (word: 'call' | 'fault'): OptionCheck =>
  (value) => {
    const problem = checkArray(value)
    if (problem !== undefined) return problem
    for (const [offset, { type, atMs, ...fields }] of (value as readonly (Call | Fault)[]).entries()) {
      const found = checkTime(atMs) ?? fieldProblem(word, type, fields)
      if (found !== undefined) return `is wrong at [${offset}]: ${found}`
    }
    return undefined
  }

function checkTime(atMs: unknown): string | undefined {
  return typeof atMs === 'number' && atMs >= 0 ? undefined : `'atMs' must be a number from 0`
}

export const SIMULATION_OPTIONS: OptionTable = {
  checks: {
    seed: checkSeed,
    workload: checkPlan('call'),
    faults: checkPlan('fault'),
    healAtMs: checkInteger(0),
    machine: checkMethods('make'),
    properties: (value) =>
      checkArray(value) ??
      (value as readonly unknown[]).map(checkMethods('watch')).find((found) => found !== undefined),
    isTraced: checkBoolean,
    record: checkFunction,
    onStep: checkFunction,
  },
  nested: {
    cluster: { checks: { voters: checkInteger(1), spares: checkInteger(0) }, required: ['voters', 'spares'] },
    settings: { checks: OPTION_CHECKS },
    interceptors: { checks: { core: checkFunction, storage: checkFunction, transport: checkFunction } },
  },
  required: ['seed', 'workload', 'faults'],
}

/**
 * Runs a cluster and checks the properties at every step. A violation does not reject the promise: it is in `failure`.
 *
 * ```ts
 * const { failure } = await simulate({
 *   seed: 1,
 *   workload: [{ type: 'write', atMs: 500, node: LEADER, count: 3 }],
 *   faults: [{ type: 'crash', atMs: 600, node: LEADER, isHard: true, forMs: 300 }],
 * })
 * assert.equal(failure, undefined)
 * ```
 */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  checkOptions(options, SIMULATION_OPTIONS)
  const { seed, cluster: plan = CLUSTER, settings = {}, healAtMs = HEAL_AT_MS } = options
  const { properties, isTraced = false, machine, interceptors, onStep, record } = options
  const cluster = new Cluster({ seed, plan, settings, properties, isTraced, machine, interceptors, onStep, record })
  const clients = new Clients(cluster)
  const injector = new FaultInjector(cluster, (node) => clients.onProcessEnded(node))
  for (const node of cluster.nodes) node.start()
  clients.schedule(options.workload)
  injector.schedule(options.faults)
  await cluster.runUntil(healAtMs * 1000)
  if (!cluster.isOver) await runLivenessPhase(cluster, clients, injector)
  await cluster.reportStep(true)
  const { trace, failure, time } = cluster
  const ids = cluster.nodes.map(({ id }) => id)
  const facts = { seed, failure, machine, events: time.executed, timeUs: time.nowUs }
  return {
    seed,
    events: time.executed,
    steps: cluster.steps,
    calls: clients.calls,
    commitIndex: cluster.monitor.view.committedLog.lastIndex,
    eventCounts: cluster.eventCounts,
    failure,
    trace: trace?.text,
    html: trace === undefined ? undefined : (runFile) => runPage(trace.recorder, ids, { ...facts, runFile }),
  }
}
