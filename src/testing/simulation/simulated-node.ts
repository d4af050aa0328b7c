/** A node of a simulation: one data directory, and a real RaftNode that is started on it again and again. */
import type { RaftOptions } from '../../core/options.ts'
import { Raft } from '../../core/raft.ts'
import type { InitialState } from '../../core/state.ts'
import type { Instant, NodeId } from '../../core/types.ts'
import { isRaftError } from '../../errors.ts'
import type { MemoryDisk } from '../../memory/memory-disk.ts'
import type { RuntimeOptions } from '../../runtime/options.ts'
import type { RaftCore } from '../../runtime/pipeline/driver.ts'
import { RaftNode } from '../../runtime/raft-node.ts'
import { COPIES } from '../properties/copies.ts'
import { LIVENESS } from '../properties/liveness.ts'
import type { Observation } from '../properties/observation.ts'
import { PropertyViolation } from '../properties/property.ts'
import type { MachineHistory } from '../run-diagram/machine-history.ts'
import type { CheckedMachine, MachineUnderTest } from '../state-machine/machine-under-test.ts'
import { CheckedRaft } from './checked-core.ts'
import { addressOf } from './endpoint.ts'
import type { Fault } from './faults.ts'
import type { Interceptors } from './interceptors.ts'
import { LedgerMachine } from './ledger-machine.ts'
import { ObservedCore } from './observed-core.ts'
import type { SeededRandom } from './seeded-random.ts'
import type { SimulatedDisk } from './simulated-disk.ts'
import type { SimulatedNetwork } from './simulated-network.ts'
import { SimulatedStorage } from './simulated-storage.ts'
import { SimulatedTransport } from './simulated-transport.ts'
import type { VirtualTime } from './virtual-clock.ts'
import { NodeClock } from './virtual-clock.ts'

export type SimulatedRaftNode = RaftNode<string, string, string, string>

/** What a node shares with the rest of the simulation. */
export interface NodeEnvironment {
  readonly time: VirtualTime
  readonly network: SimulatedNetwork
  readonly settings: Partial<RaftOptions & RuntimeOptions>
  /** The user's state machine, which receives the same commands as the simulation's own. */
  readonly machine: MachineUnderTest | undefined
  /** Functions that make parts of every node faulty, to test the properties. */
  readonly interceptors: Interceptors | undefined
  observe(observation: Observation): void
  /** Called when the user's machine of a process was made. What it does is then recorded, if the run is. */
  machineMade(process: string): MachineHistory | undefined
  /** Reports a failure of the run, for example a node that cannot start. `process` is where the failure showed. */
  fail(error: unknown, process: string): void
}

export interface NodePlan {
  readonly id: NodeId
  /** The name of the process, if it runs with a copy of the directory of the node with this id. */
  readonly process?: string
  /** The bootstrap members; empty for a node that joins later. */
  readonly peers: Readonly<Record<NodeId, string>>
  /** The initial rate of its clock; 1000 is real speed. */
  readonly ratePerMille: number
}

/** The errors with which a node stops that has proof of a disk that has gone back, or of a second self. */
const PROOFS: ReadonlySet<string> = new Set([
  'ERR_RAFT_DIRECTORY_ROLLED_BACK',
  'ERR_RAFT_DUPLICATE_DIRECTORY',
  'ERR_RAFT_DUPLICATE_NODE',
  'ERR_RAFT_DIVERGED',
])

export class SimulatedNode {
  readonly plan: NodePlan
  disk: SimulatedDisk
  readonly #makeDisk: () => SimulatedDisk
  readonly #environment: NodeEnvironment
  readonly #random: SeededRandom
  #clock: NodeClock | undefined
  /** Defined once the node has started. */
  node: SimulatedRaftNode | undefined
  machine: LedgerMachine | undefined
  /** Whether the node was removed from the cluster: it does not start again. */
  isRemoved = false
  /** Options that differ from those of the other nodes, used from the next start on. */
  optionOverrides: Partial<RaftOptions & RuntimeOptions> = {}
  /** What its state machine supports, from the next start on. */
  machineVersion = 1
  /** Called once, after a step of the core that sends messages and before they are sent. */
  beforeSending: (() => void) | undefined
  /** Whether its disk has gone back to an older copy, so that it may stop with proof of that. */
  hasGoneBack = false
  /** Whether its disk was wiped, so that its peers reject it and it may stop with that error. */
  expectsRejection = false

  constructor(plan: NodePlan, environment: NodeEnvironment, random: SeededRandom, makeDisk: () => SimulatedDisk) {
    this.plan = plan
    this.#environment = environment
    this.#random = random
    this.#makeDisk = makeDisk
    this.disk = makeDisk()
  }

  get id(): NodeId {
    return this.plan.id
  }

  /** The name of its process, which differs from the id if it is a clone of another node. */
  get process(): string {
    return this.plan.process ?? this.plan.id
  }

  /** Whether it is one of the first members. */
  get isBootstrapped(): boolean {
    return Object.keys(this.plan.peers).length > 0
  }

  /** Whether a process runs; the node in it may still be starting. */
  get isRunning(): boolean {
    return this.#clock !== undefined
  }

  get clock(): NodeClock | undefined {
    return this.#clock
  }

  start(): void {
    if (this.isRunning || this.isRemoved || this.disk.isChanged) return
    const { network, time, settings, interceptors } = this.#environment
    const { id, peers, ratePerMille } = this.plan
    const { process } = this
    const clock = new NodeClock(time, { startMs: this.#random.below(100_000), ratePerMille })
    const isCurrent = (): boolean => !clock.isStopped
    let userMachine: CheckedMachine | undefined
    try {
      userMachine = this.#environment.machine?.make()
    } catch (error) {
      this.#environment.fail(error, process)
      return
    }
    this.#clock = clock
    const history = userMachine === undefined ? undefined : this.#environment.machineMade(process)
    const machine = new LedgerMachine(
      {
        applied: (context, command, result) => {
          const { index, term } = context
          history?.applied(Number(command.slice(1)), context)
          if (isCurrent()) this.#environment.observe({ type: 'applied', node: process, index, term, command, result })
        },
        restored: (index, userSnapshot) => {
          history?.restored(index, userSnapshot)
          if (isCurrent()) this.#environment.observe({ type: 'restored', node: process, index })
        },
      },
      userMachine,
      this.machineVersion,
    )
    const storage = new SimulatedStorage(this.disk, clock)
    const transport = new SimulatedTransport(network, process, clock)
    RaftNode.start<string, string, string, string>({
      ...settings,
      ...this.optionOverrides,
      id,
      cluster: 'simulated',
      peers: this.isBootstrapped ? peers : { [id]: addressOf(id) },
      join: !this.isBootstrapped,
      seed: this.#random.below(1_000_000),
      storage: interceptors?.storage?.(storage, process) ?? storage,
      transport: interceptors?.transport?.(transport, process) ?? transport,
      clock,
      stateMachine: machine,
      makeCore: (options, recovered, now) => this.#makeCore(options, recovered, now, isCurrent),
    }).then(
      (node) => {
        if (isCurrent()) this.#onStarted(node, machine, isCurrent)
      },
      (error) => {
        if (isCurrent()) this.#onStopped(error)
      },
    )
  }

  /** Ends the process between two instructions. The disk keeps synced writes and, unless `isHard`, possibly some unsynced ones. */
  crash(isHard: boolean): void {
    if (this.#clock === undefined) return
    this.#clock.stop()
    this.#clock = undefined
    this.node = undefined
    this.machine = undefined
    this.#environment.network.detach(this.process)
    this.disk.crash(isHard)
    this.#environment.observe({ type: 'crashed', node: this.process })
  }

  /** Crashes the node and replaces its data directory by an empty one. */
  wipe(): void {
    this.crash(true)
    this.disk = this.#makeDisk()
    this.#environment.observe({ type: 'wiped', node: this.process })
  }

  /** Crashes the node and puts an older copy in place of its data directory. */
  rollBack(older: MemoryDisk): void {
    this.crash(true)
    this.disk.memory = older.copy()
    this.hasGoneBack = true
    const { hardState, snapshot, log } = this.disk.memory.view
    this.#environment.observe({ type: 'rolledBack', node: this.process, hardState, snapshot, blocks: log.blocks })
  }

  /** Damages the disk silently. Returns false if there is no such part, or no process that could notice a changed command. */
  damageDisk(fault: Extract<Fault, { type: 'rot' | 'changeCommand' }>): boolean {
    const { disk } = this
    if (fault.type === 'rot') return disk.damage.inflict(fault.part, fault.place, disk.memory)
    return this.node !== undefined && disk.changeCommand(fault.place)
  }

  #makeCore(options: RaftOptions, recovered: InitialState, now: Instant, isCurrent: () => boolean): RaftCore {
    const { interceptors } = this.#environment
    const node = this.process
    const { autopilotDeadMs: deadMs, autopilotVotersMin: votersMin } = this.#environment.settings
    const autopilot = deadMs === undefined || votersMin === undefined ? undefined : { deadMs, votersMin }
    this.#environment.observe({ type: 'started', node, ...recovered, settings: options, autopilot })
    const { unusable } = this.disk.memory
    if (unusable !== undefined)
      this.#environment.fail(new PropertyViolation(COPIES.staysStopped, `${node} started: ${unusable.message}`), node)
    // An intercepted core may violate its own invariants: the properties must detect that, not the core's assertions.
    const raft = new (interceptors?.core === undefined ? CheckedRaft : Raft)(options, recovered, now)
    return new ObservedCore(interceptors?.core?.(raft, node) ?? raft, (inputs, effects, status, now) => {
      if (!isCurrent()) return
      this.#environment.observe({ type: 'stepped', node, inputs, effects, status, now })
      if (this.beforeSending === undefined || effects.send.length === 0) return
      this.beforeSending()
      this.beforeSending = undefined
    })
  }

  #onStarted(node: SimulatedRaftNode, machine: LedgerMachine, isCurrent: () => boolean): void {
    this.node = node
    this.machine = machine
    void node.failed.then((error) => {
      // The process of a node that stopped for an expected reason keeps running, so that the properties detect messages it still sends.
      if (isCurrent() && !this.#isExpected(error)) this.#onStopped(error)
    })
  }

  #isExpected(error: unknown): boolean {
    if (this.hasGoneBack && isRaftError(error) && PROOFS.has(error.code)) return true
    if (this.disk.isChanged && isRaftError(error, 'ERR_RAFT_CORRUPT')) return true
    return this.expectsRejection || this.disk.explains(error)
  }

  /** The node could not start, or stopped by itself. This is a failure unless it was removed, or its disk or its peers explain it. */
  #onStopped(error: unknown): void {
    const isExpected = this.#isExpected(error)
    this.crash(false)
    if (isRaftError(error, 'ERR_RAFT_REMOVED')) this.isRemoved = true
    else if (!isExpected)
      this.#environment.fail(
        new PropertyViolation(LIVENESS.nodeRuns, `${this.process} stopped by itself: ${describeError(error)}`),
        this.process,
      )
  }
}

function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
