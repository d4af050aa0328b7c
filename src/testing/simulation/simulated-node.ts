/** A node of a simulation: a data directory, and one life after another of a real RaftNode on it. */
import type { RaftOptions } from '../../core/options.ts'
import { Raft } from '../../core/raft.ts'
import type { InitialState } from '../../core/state.ts'
import type { Instant, NodeId } from '../../core/types.ts'
import { isRaftError } from '../../errors.ts'
import type { RuntimeOptions } from '../../runtime/options.ts'
import { RaftNode } from '../../runtime/raft-node.ts'
import type { MachineUnderTest } from '../machine-under-test.ts'
import { LIVENESS } from '../properties/liveness.ts'
import type { Observation } from '../properties/observation.ts'
import { PropertyViolation } from '../properties/property.ts'
import { CheckedRaft } from './checked-core.ts'
import { addressOf } from './endpoint.ts'
import type { Interceptors } from './interceptors.ts'
import { LedgerMachine } from './ledger-machine.ts'
import type { SteppedCore } from './observed-core.ts'
import { ObservedCore } from './observed-core.ts'
import type { SeededRandom } from './seeded-random.ts'
import type { SimulatedDisk } from './simulated-disk.ts'
import type { SimulatedNetwork } from './simulated-network.ts'
import { SimulatedStorage } from './simulated-storage.ts'
import { SimulatedTransport } from './simulated-transport.ts'
import type { VirtualTime } from './virtual-clock.ts'
import { NodeClock } from './virtual-clock.ts'

export type SimulatedRaftNode = RaftNode<string, string, string, string>

/** The world a node lives in. */
export interface NodeEnvironment {
  readonly time: VirtualTime
  readonly network: SimulatedNetwork
  readonly settings: Partial<RaftOptions & RuntimeOptions>
  /** A user's machine, to be given the same commands as the simulation's own. */
  readonly machine: MachineUnderTest | undefined
  /** Tricks played on every node; for tests of the judges. */
  readonly interceptors: Interceptors | undefined
  observe(observation: Observation): void
  /** Something happened that must not: a node that cannot start, or stops by a mistake of its own. */
  fail(error: unknown): void
}

export interface NodePlan {
  readonly id: NodeId
  /** Of the first members; empty for one that joins later. */
  readonly peers: Readonly<Record<NodeId, string>>
  /** How fast its clock runs. */
  readonly ratePerMille: number
}

export class SimulatedNode {
  readonly plan: NodePlan
  disk: SimulatedDisk
  readonly #makeDisk: () => SimulatedDisk
  readonly #environment: NodeEnvironment
  readonly #random: SeededRandom
  #clock: NodeClock | undefined
  /** Once it has started. */
  node: SimulatedRaftNode | undefined
  machine: LedgerMachine | undefined
  /** It was removed from the cluster and does not start any more. */
  isRemoved = false
  /** What it runs by in the place of what the others do, from its next start on. */
  optionOverrides: Partial<RaftOptions> = {}
  /** Called once when its core has decided to send something, before that is sent. */
  beforeSending: (() => void) | undefined
  /** Its disk is empty, and the others refuse it: it may stop for that. */
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

  /** A process runs, started or starting. */
  get isRunning(): boolean {
    return this.#clock !== undefined
  }

  get clock(): NodeClock | undefined {
    return this.#clock
  }

  start(): void {
    if (this.isRunning || this.isRemoved) return
    const { network, time, settings, interceptors, machine: userMachine } = this.#environment
    const { id, peers, ratePerMille } = this.plan
    const clock = new NodeClock(time, { startMs: this.#random.below(100_000), ratePerMille })
    const isCurrent = (): boolean => !clock.isStopped
    this.#clock = clock
    const machine = new LedgerMachine(
      {
        applied: ({ index, term }, command, result) => {
          if (isCurrent()) this.#environment.observe({ type: 'applied', node: id, index, term, command, result })
        },
        restored: (index) => {
          if (isCurrent()) this.#environment.observe({ type: 'restored', node: id, index })
        },
      },
      userMachine?.make(),
    )
    const storage = new SimulatedStorage(this.disk, clock)
    const transport = new SimulatedTransport(network, id, clock)
    RaftNode.start<string, string, string, string>({
      ...settings,
      ...this.optionOverrides,
      id,
      cluster: 'simulated',
      peers: Object.keys(peers).length === 0 ? { [id]: addressOf(id) } : peers,
      join: Object.keys(peers).length === 0,
      seed: this.#random.below(1_000_000),
      storage: interceptors?.storage?.(storage, id) ?? storage,
      transport: interceptors?.transport?.(transport, id) ?? transport,
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

  /** The process is gone from one instruction to the next; the disk keeps what was synced, and perhaps more (unless `isHard`). */
  crash(isHard: boolean): void {
    if (this.#clock === undefined) return
    this.#clock.stop()
    this.#clock = undefined
    this.node = undefined
    this.machine = undefined
    this.#environment.network.detach(this.id)
    this.disk.crash(isHard)
    this.#environment.observe({ type: 'crashed', node: this.id })
  }

  /** Its data directory is lost: what starts next finds an empty one. */
  wipe(): void {
    this.crash(true)
    this.disk = this.#makeDisk()
    this.#environment.observe({ type: 'wiped', node: this.id })
  }

  #makeCore(options: RaftOptions, recovered: InitialState, now: Instant, isCurrent: () => boolean): SteppedCore {
    const { interceptors } = this.#environment
    const node = this.id
    this.#environment.observe({ type: 'started', node, ...recovered, settings: options })
    // A core that is played tricks on does not keep its own invariants: the judges must notice.
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
      // A process that has stopped for a reason stays, for the judges to see that it is silent.
      if (isCurrent() && !this.#isExpected(error)) this.#onStopped(error)
    })
  }

  #isExpected(error: unknown): boolean {
    return this.expectsRejection || this.disk.explains(error)
  }

  /** It could not start, or has stopped by itself: no wonder if it was removed, or its disk has refused something; else something is wrong. */
  #onStopped(error: unknown): void {
    const isExpected = this.#isExpected(error)
    this.crash(false)
    if (isRaftError(error, 'ERR_RAFT_REMOVED')) this.isRemoved = true
    else if (!isExpected)
      this.#environment.fail(
        new PropertyViolation(LIVENESS.nodeRuns, `${this.id} stopped by itself: ${describeError(error)}`),
      )
  }
}

function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
