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
import { BrokenPromise } from '../properties/property.ts'
import { CheckedRaft } from './checked-core.ts'
import type { FalseDisk } from './disk.ts'
import { addressOf } from './endpoint.ts'
import { FalseStorage } from './false-storage.ts'
import { FalseTransport } from './false-transport.ts'
import { LedgerMachine } from './ledger-machine.ts'
import type { FalseNetwork } from './network.ts'
import type { SeededRandom } from './random.ts'
import type { Tampering } from './tampering.ts'
import type { VirtualTime } from './virtual-clock.ts'
import { NodeClock } from './virtual-clock.ts'
import type { SteppedCore } from './watched-core.ts'
import { WatchedCore } from './watched-core.ts'

export type SimulatedRaftNode = RaftNode<string, string, string, string>

/** The world a node lives in. */
export interface World {
  readonly time: VirtualTime
  readonly network: FalseNetwork
  readonly settings: Partial<RaftOptions & RuntimeOptions>
  /** A user's machine, to be given the same commands as the simulation's own. */
  readonly machine: MachineUnderTest | undefined
  /** Tricks played on every node; for tests of the judges. */
  readonly tampering: Tampering | undefined
  see(observation: Observation): void
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
  disk: FalseDisk
  readonly #makeDisk: () => FalseDisk
  readonly #world: World
  readonly #random: SeededRandom
  #clock: NodeClock | undefined
  /** Once it has started. */
  node: SimulatedRaftNode | undefined
  machine: LedgerMachine | undefined
  /** It was removed from the cluster and does not start any more. */
  isRetired = false
  /** What it runs by in the place of what the others do, from its next start on. */
  switches: Partial<RaftOptions> = {}
  /** Called once when its core has decided to send something, before that is sent. */
  beforeSending: (() => void) | undefined
  /** Its disk is empty, and the others refuse it: it may stop for that. */
  expectsRefusal = false

  constructor(plan: NodePlan, world: World, random: SeededRandom, makeDisk: () => FalseDisk) {
    this.plan = plan
    this.#world = world
    this.#random = random
    this.#makeDisk = makeDisk
    this.disk = makeDisk()
  }

  get id(): NodeId {
    return this.plan.id
  }

  /** A process runs, started or starting. */
  get isAlive(): boolean {
    return this.#clock !== undefined
  }

  get clock(): NodeClock | undefined {
    return this.#clock
  }

  start(): void {
    if (this.isAlive || this.isRetired) return
    const { network, time, settings, tampering, machine: tried } = this.#world
    const { id, peers, ratePerMille } = this.plan
    const clock = new NodeClock(time, { startMs: this.#random.below(100_000), ratePerMille })
    const isLiving = (): boolean => !clock.isStopped
    this.#clock = clock
    const machine = new LedgerMachine(
      {
        applied: ({ index, term }, command, result) => {
          if (isLiving()) this.#world.see({ type: 'applied', node: id, index, term, command, result })
        },
        restored: (index) => {
          if (isLiving()) this.#world.see({ type: 'restored', node: id, index })
        },
      },
      tried?.make(),
    )
    const storage = new FalseStorage(this.disk, clock)
    const transport = new FalseTransport(network, id, clock)
    RaftNode.start<string, string, string, string>({
      ...settings,
      ...this.switches,
      id,
      cluster: 'simulated',
      peers: Object.keys(peers).length === 0 ? { [id]: addressOf(id) } : peers,
      join: Object.keys(peers).length === 0,
      seed: this.#random.below(1_000_000),
      storage: tampering?.storage?.(storage, id) ?? storage,
      transport: tampering?.transport?.(transport, id) ?? transport,
      clock,
      stateMachine: machine,
      makeCore: (options, recovered, now) => this.#makeCore(options, recovered, now, isLiving),
    }).then(
      (node) => {
        if (isLiving()) this.#began(node, machine, isLiving)
      },
      (error) => {
        if (isLiving()) this.#stoppedBy(error)
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
    this.#world.network.unplug(this.id)
    this.disk.crash(isHard)
    this.#world.see({ type: 'crashed', node: this.id })
  }

  /** Its data directory is lost: what starts next finds an empty one. */
  wipe(): void {
    this.crash(true)
    this.disk = this.#makeDisk()
    this.#world.see({ type: 'wiped', node: this.id })
  }

  #makeCore(options: RaftOptions, recovered: InitialState, now: Instant, isLiving: () => boolean): SteppedCore {
    const { tampering } = this.#world
    const node = this.id
    this.#world.see({ type: 'started', node, ...recovered, settings: options })
    // A core that is played tricks on does not keep its own invariants: the judges must notice.
    const raft = new (tampering?.core === undefined ? CheckedRaft : Raft)(options, recovered, now)
    return new WatchedCore(tampering?.core?.(raft, node) ?? raft, (inputs, effects, status, now) => {
      if (!isLiving()) return
      this.#world.see({ type: 'stepped', node, inputs, effects, status, now })
      if (this.beforeSending === undefined || effects.send.length === 0) return
      this.beforeSending()
      this.beforeSending = undefined
    })
  }

  #began(node: SimulatedRaftNode, machine: LedgerMachine, isLiving: () => boolean): void {
    this.node = node
    this.machine = machine
    void node.failed.then((error) => {
      // A process that has stopped for a reason stays, for the judges to see that it is silent.
      if (isLiving() && !this.#isExcused(error)) this.#stoppedBy(error)
    })
  }

  #isExcused(error: unknown): boolean {
    return this.expectsRefusal || this.disk.excuses(error)
  }

  /** It could not start, or has stopped by itself: no wonder if it was removed, or its disk has refused something; else something is wrong. */
  #stoppedBy(error: unknown): void {
    const isExcused = this.#isExcused(error)
    this.crash(false)
    if (isRaftError(error, 'ERR_RAFT_REMOVED')) this.isRetired = true
    else if (!isExcused)
      this.#world.fail(new BrokenPromise(LIVENESS.lives, `${this.id} stopped by itself: ${wordsOf(error)}`))
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
