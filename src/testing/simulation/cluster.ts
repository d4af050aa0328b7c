/** A cluster of real nodes on simulated time, network and disks, with the property monitor and the trace that observe them. */
import type { RaftEvent } from '../../core/events.ts'
import type { RaftOptions } from '../../core/options.ts'
import type { RaftStatus } from '../../core/status.ts'
import type { NodeId } from '../../core/types.ts'
import type { MemoryDisk } from '../../memory/memory-disk.ts'
import { eventLoopTurn, microtaskTurn } from '../../platform/turns.ts'
import type { RuntimeOptions } from '../../runtime/options.ts'
import type { Observation } from '../properties/observation.ts'
import { cloneOf } from '../properties/processes.ts'
import { ALL_PROPERTIES } from '../properties/properties.ts'
import type { Property } from '../properties/property.ts'
import { PropertyMonitor } from '../properties/property-monitor.ts'
import { RECORDING_FORMAT, recordingLine } from '../recordings/recording.ts'
import type { MachineHistory } from '../run-diagram/machine-history.ts'
import { RunRecorder } from '../run-diagram/run-recorder.ts'
import type { MachineUnderTest } from '../state-machine/machine-under-test.ts'
import { addressOf } from './endpoint.ts'
import type { Interceptors } from './interceptors.ts'
import { SecondSelves } from './second-selves.ts'
import { SeededRandom } from './seeded-random.ts'
import { SimulatedDisk } from './simulated-disk.ts'
import { SimulatedNetwork } from './simulated-network.ts'
import type { NodeEnvironment, NodePlan } from './simulated-node.ts'
import { SimulatedNode } from './simulated-node.ts'
import type { SimulationStep, StepObserver } from './step-observer.ts'
import { Trace } from './trace.ts'
import { VirtualTime } from './virtual-clock.ts'
import type { ClusterPlan } from './workload.ts'
import { LEADER } from './workload.ts'
import { worldState } from './world-state.ts'

/** Short timeouts and small limits, so that a run of a few seconds contains elections, snapshots, full windows and full messages. */
const SIMULATION_SETTINGS: Partial<RaftOptions & RuntimeOptions> = {
  electionTimeoutMinMs: 150,
  electionTimeoutMaxMs: 300,
  heartbeatIntervalMs: 30,
  pauseToleranceMs: 60,
  storageStallMs: 1000,
  readTimeoutMs: 400,
  callTimeoutMs: 1500,
  messageBytesMax: 400,
  inflightMessagesMax: 4,
  inflightBytesMax: 1500,
  trailingEntries: 4,
  trailingBytesMax: 600,
  laggardBytesMax: 2000,
  snapshotsFromFollowers: true,
  caughtUpEntries: 4,
  blockEntriesMax: 4,
  snapshotEntries: 12,
  snapshotPauseFactor: 0,
  digestEntries: 8,
  snapshotRetryMs: 100,
  fetchRetryMinMs: 20,
  fetchRetryMaxMs: 200,
  fetchAttemptsMax: 4,
  lazyWriteMs: 20,
  blockCacheBytesMax: 2000,
  freeBytesMin: 0,
  sessionTimeoutMs: 1500,
  sessionsMax: 3,
  sessionCommandsMax: 16,
  sessionResultsMax: 24,
  sessionResultBytesMax: 12,
  scrubBytesPerSecond: 0,
}

export interface ClusterOptions {
  readonly seed: number
  readonly plan: ClusterPlan
  readonly settings: Partial<RaftOptions & RuntimeOptions>
  readonly properties?: readonly Property[] | undefined
  readonly isTraced: boolean
  readonly machine?: MachineUnderTest | undefined
  /** Functions that make parts of every node faulty, to test the properties. */
  readonly interceptors?: Interceptors | undefined
  readonly onStep?: StepObserver | undefined
  /** Receives every line of a recording. */
  readonly record?: ((line: string) => void) | undefined
}

export class Cluster implements NodeEnvironment {
  readonly time: VirtualTime = new VirtualTime()
  readonly random: SeededRandom
  readonly network: SimulatedNetwork
  readonly nodes: readonly SimulatedNode[]
  /** Processes that run beside nodes under the same ids. */
  readonly clones: SimulatedNode[] = []
  readonly monitor: PropertyMonitor
  readonly trace: Trace | undefined
  readonly settings: Partial<RaftOptions & RuntimeOptions>
  readonly machine: MachineUnderTest | undefined
  readonly interceptors: Interceptors | undefined
  /** The first violation or unexpected error. */
  failure: unknown
  /** Whether the step observer has stopped the run. */
  isStopped = false
  readonly #onStep: StepObserver | undefined
  readonly #record: ((line: string) => void) | undefined
  /** The number of steps of all cores. */
  steps = 0
  /** How often the cores reported each event. */
  readonly eventCounts: Map<RaftEvent['type'], number> = new Map()
  /** Nodes that have lost their data and are not removed yet. Until then the operator requests no other membership change. */
  readonly withoutData: Set<NodeId> = new Set()
  /** Of these, the nodes whose disk has gone back to an older copy. They keep running until the operator removes them. */
  readonly goneBack: Set<NodeId> = new Set()
  readonly selves: SecondSelves = new SecondSelves((error) => this.fail(error))
  readonly #crashPoints = new Map<
    NodeId,
    { call: number; readonly when: 'before' | 'after'; readonly run: () => void }
  >()

  constructor(options: ClusterOptions) {
    const {
      seed,
      plan,
      settings,
      properties = ALL_PROPERTIES,
      isTraced,
      machine,
      interceptors,
      onStep,
      record,
    } = options
    this.#onStep = onStep
    this.#record = record
    record?.(RECORDING_FORMAT)
    this.random = new SeededRandom(seed)
    this.settings = { ...SIMULATION_SETTINGS, ...settings }
    this.machine = machine
    this.interceptors = interceptors
    this.monitor = new PropertyMonitor(properties, machine?.texts)
    this.trace = isTraced ? new Trace(this.time, new RunRecorder(this.time, this.monitor.view)) : undefined
    this.network = new SimulatedNetwork(this.time, this.random.fork('network'), {
      sent: (from, to, message) => this.observe({ type: 'sent', from, to, message }),
      delivered: (from, to, message) => this.trace?.delivered(from, to, message),
      lost: (from, to, message, why) => this.trace?.lost(from, to, message, why),
      connected: (process, peer, accepted) => {
        const { membership } = this.monitor.view.node(process.host.identity.nodeId).disk.membership
        if (membership.members.some(({ id }) => id === peer)) this.selves.accepted(process, peer, accepted)
      },
    })
    const ids = Array.from({ length: plan.voters + plan.spares }, (_, number) => `n${number}`)
    const peers = Object.fromEntries(ids.slice(0, plan.voters).map((id) => [id, addressOf(id)]))
    this.nodes = ids.map((id, number) =>
      this.#makeNode({ id, peers: number < plan.voters ? peers : {}, ratePerMille: 1000 }, id),
    )
  }

  #makeNode(plan: NodePlan, process: string): SimulatedNode {
    const random = this.random.fork(process)
    const makeDisk = (): SimulatedDisk =>
      new SimulatedDisk(process, random.fork(`disk ${random.next()}`), {
        called: (node, when) => this.#onDiskCall(node, when),
        durable: (node, write) => this.observe({ type: 'durable', node, write }),
      })
    return new SimulatedNode(plan, this, random, makeDisk)
  }

  /** Adds a second process under the id of a node, with a copy of its directory. It is not started, and no node reaches it. */
  addClone(node: SimulatedNode, copy: MemoryDisk): SimulatedNode {
    const process = cloneOf(node.id)
    const clone = this.#makeNode({ ...node.plan, process }, process)
    clone.optionOverrides = node.optionOverrides
    clone.machineVersion = node.machineVersion
    this.clones.push(clone)
    clone.rollBack(copy)
    return clone
  }

  observe(observation: Observation): void {
    if (observation.type === 'stepped') {
      this.steps++
      for (const { type } of observation.effects.events)
        this.eventCounts.set(type, (this.eventCounts.get(type) ?? 0) + 1)
    }
    const firstStep = this.trace?.recorder.next ?? 0
    this.trace?.observe(observation)
    this.#record?.(recordingLine(observation))
    const { violation } = this.#check(observation)
    this.trace?.recorder.observe(observation, firstStep)
    if (violation !== undefined) this.fail(violation, processOf(observation))
  }

  machineMade(process: string): MachineHistory | undefined {
    return this.trace?.recorder.machineMade(process)
  }

  #check(observation: Observation): { readonly violation: unknown } {
    try {
      this.monitor.observe(observation)
      return { violation: undefined }
    } catch (error) {
      return { violation: error }
    }
  }

  /** Ends the run. `process` is where the failure showed, if it is known. */
  fail(error: unknown, process?: string): void {
    if (this.failure === undefined) this.trace?.recorder.failed(error, process)
    this.failure ??= error
  }

  /** The status of a node's core after its last step; undefined if its process does not run. */
  statusOf({ node, process }: SimulatedNode): RaftStatus | undefined {
    return node === undefined ? undefined : this.monitor.view.node(process).status
  }

  /** Of the nodes that consider themselves leader, the one with the highest term. */
  get leader(): SimulatedNode | undefined {
    let best: SimulatedNode | undefined
    let bestTerm = 0
    for (const candidate of [...this.nodes, ...this.clones]) {
      const status = this.statusOf(candidate)
      if (status?.role !== 'leader' || status.term <= bestTerm) continue
      best = candidate
      bestTerm = status.term
    }
    return best
  }

  /** The node with this number, modulo the number of nodes. */
  nodeOf(number: number): SimulatedNode {
    const first = this.nodes[0] as SimulatedNode
    if (number === LEADER) return this.leader ?? first
    return this.nodes[number % this.nodes.length] ?? first
  }

  /** Runs a callback before or after one of the node's next disk calls; 0 is the next one. */
  crashAtCall(node: SimulatedNode, call: number, when: 'before' | 'after', run: () => void): void {
    this.#crashPoints.set(node.process, { call, when, run })
  }

  clearCrashPoints(): void {
    this.#crashPoints.clear()
  }

  /** Executes all events that are due by `untilUs`, one after the other; stops at the first failure. */
  async runUntil(untilUs: number): Promise<void> {
    // Promises that are already resolved may schedule events for now.
    await microtaskTurn()
    for (let steps = 1; !this.isOver && this.time.step(untilUs); steps++) {
      await (steps % STEPS_PER_LOOP === 0 ? eventLoopTurn() : microtaskTurn())
      if (this.#onStep !== undefined && !this.isOver) await this.reportStep(false)
    }
  }

  get isOver(): boolean {
    return this.failure !== undefined || this.isStopped
  }

  /** Passes the current state of the run to the step observer. */
  async reportStep(isOver: boolean): Promise<void> {
    const { time } = this
    const step: SimulationStep = {
      event: time.executed,
      timeUs: time.nowUs,
      nextUs: time.nextUs(),
      isOver,
      traceLines: this.trace?.lines ?? [],
      state: () => worldState(this),
    }
    if ((await this.#onStep?.(step)) === 'stop') this.isStopped = true
  }

  #onDiskCall(node: NodeId, when: 'before' | 'after'): void {
    const point = this.#crashPoints.get(node)
    if (point === undefined || point.when !== when) return
    if (point.call-- > 0) return
    this.#crashPoints.delete(node)
    point.run()
  }
}

/** The process of an observation; undefined for the end of a call. */
function processOf(observation: Observation): string | undefined {
  if (observation.type === 'returned') return undefined
  return observation.type === 'sent' ? observation.from : observation.node
}

/** Events executed before the event loop gets a turn, so that signals, timers and progress bars still work. */
const STEPS_PER_LOOP = 256
