/** Injects the faults of a plan at their times, and ends them. */
import { unreachable } from '../../core/assert.ts'
import type { NodeId } from '../../core/types.ts'
import type { MemoryDisk } from '../../memory/memory-disk.ts'
import { hasQuorumWithout, isDirectoryIdRecorded } from '../properties/quorum.ts'
import type { Cluster } from './cluster.ts'
import { isCovered, isKnownToBeOlder } from './covered-copies.ts'
import { DiskCopies } from './disk-copies.ts'
import { describeFault } from './fault-text.ts'
import type { Fault, FaultPlan } from './faults.ts'
import { NORMAL_CONDITIONS } from './network-conditions.ts'
import { DISK_BYTES, NORMAL_DISK_TIMING } from './simulated-disk.ts'
import type { SimulatedNode } from './simulated-node.ts'

/** How long a process is down when it restarts with other options. */
const RESTART_MS = 5

/** One direction of a link. */
type NodePair = readonly [from: NodeId, to: NodeId]

export class FaultInjector {
  readonly #cluster: Cluster
  readonly #onProcessEnded: (node: SimulatedNode) => void
  readonly #copies: DiskCopies
  #isOver = false
  /** These stay missing when the other faults end, as long as the remaining nodes form a quorum. */
  readonly #missing = new Map<SimulatedNode, 'down' | 'cut off'>()

  constructor(cluster: Cluster, onProcessEnded: (node: SimulatedNode) => void) {
    this.#cluster = cluster
    this.#onProcessEnded = onProcessEnded
    this.#copies = new DiskCopies(cluster)
  }

  schedule(plan: FaultPlan): void {
    this.#copies.schedule(plan)
    for (const fault of plan) this.#after(fault.atMs, () => this.#inject(fault))
  }

  /** Nodes that are missing or have lost their data, except those that run with an older copy of it. */
  get missing(): ReadonlySet<SimulatedNode> {
    const lost = this.#cluster.nodes.filter(({ id }) => this.#isLost(id))
    return new Set([...this.#missing.keys(), ...lost])
  }

  /** Ends all faults of links, network, disks and clocks, and starts every node except the missing ones. */
  heal(): void {
    const { network, nodes, trace } = this.#cluster
    this.#isOver = true
    trace?.note('-', '! all faults end')
    this.#cluster.clearCrashPoints()
    network.conditions = NORMAL_CONDITIONS
    network.healAll()
    for (const clone of [...this.#cluster.clones]) this.#endClone(clone)
    for (const node of nodes) {
      node.disk.timing = NORMAL_DISK_TIMING
      node.clock?.setRate(1000)
      node.beforeSending = undefined
      this.#repairDisk(node)
      if (node.clock?.isPaused === true) node.clock.resume()
    }
    for (const node of nodes) if (this.#isLost(node.id)) this.#kill(node, true)
    this.#keepMissingMinority()
    for (const node of nodes) this.#start(node)
  }

  /** Reconnects and starts the missing nodes too. */
  restoreMissing(): void {
    if (this.#missing.size === 0) return
    this.#cluster.trace?.note('-', '! the missing come back')
    this.#missing.clear()
    this.#cluster.network.healAll()
    for (const node of this.#cluster.nodes) this.#start(node)
  }

  /** The operator shuts down the nodes whose disk has gone back, before removing them. */
  stopGoneBack(): void {
    for (const node of this.#cluster.nodes) if (this.#cluster.goneBack.has(node.id)) this.#kill(node, true)
  }

  #isLost(id: NodeId): boolean {
    return this.#cluster.withoutData.has(id) && !this.#cluster.goneBack.has(id)
  }

  /** Keeps missing nodes away, in the order in which they went, while the remaining nodes form a quorum; the others return. */
  #keepMissingMinority(): void {
    const { trace, monitor } = this.#cluster
    const missing = new Set<NodeId>(this.#cluster.withoutData)
    for (const [node, how] of this.#missing) {
      if (hasQuorumWithout(monitor.view, new Set([...missing, node.id]))) {
        missing.add(node.id)
        trace?.note(node.id, `! stays ${how}`)
        if (how === 'cut off') this.#isolate(node)
      } else this.#missing.delete(node)
    }
  }

  #isolate(node: SimulatedNode): void {
    this.#cut(this.#pairsAcross([this.#cluster.nodes.indexOf(node)]))
  }

  #pairsAcross(numbers: readonly number[]): NodePair[] {
    const side = new Set(numbers.map((number) => this.#node(number)))
    const otherNodes = this.#cluster.nodes.filter((node) => !side.has(node))
    return [...side].flatMap(({ id }) =>
      otherNodes.flatMap((other): NodePair[] => [
        [id, other.id],
        [other.id, id],
      ]),
    )
  }

  #cut(pairs: readonly NodePair[]): void {
    for (const [from, to] of pairs) this.#cluster.network.cut(from, to)
  }

  #reconnect(pairs: readonly NodePair[]): void {
    for (const [from, to] of pairs) this.#cluster.network.heal(from, to)
  }

  #flap(pairs: readonly NodePair[], everyMs: number, forMs: number): void {
    this.#cut(pairs)
    this.#after(Math.min(everyMs, forMs), () => {
      this.#reconnect(pairs)
      if (forMs > 2 * everyMs) this.#after(everyMs, () => this.#flap(pairs, everyMs, forMs - 2 * everyMs))
    })
  }

  #wipe(node: SimulatedNode): void {
    if (!isDirectoryIdRecorded(this.#cluster.monitor.view, node.id) || !this.#canLose(node)) return
    this.#cluster.withoutData.add(node.id)
    node.expectsRejection = true
    node.wipe()
    this.#onProcessEnded(node)
    this.#start(node)
  }

  /** Prepares for the use of an older copy of a node's directory; returns whether the promises cover it. */
  #mayGoBack(node: SimulatedNode): boolean {
    const { monitor, withoutData, goneBack } = this.#cluster
    if (node.isRemoved || !isDirectoryIdRecorded(monitor.view, node.id) || !this.#canLose(node)) return false
    withoutData.add(node.id)
    goneBack.add(node.id)
    node.hasGoneBack = true
    return true
  }

  #clone(node: SimulatedNode, copy: MemoryDisk | undefined, fault: Fault & { readonly type: 'cloneDisk' }): void {
    if (copy === undefined || !isKnownToBeOlder(this.#cluster, node, copy) || !this.#mayGoBack(node)) return
    this.#cluster.selves.expectBoot(node.id, node.disk.memory.boot?.id)
    const clone = this.#cluster.addClone(node, copy)
    const side = new Set(fault.side.map((number) => this.#node(number)))
    this.#swap(node, clone, side, fault.swapMs)
    clone.start()
    this.#after(fault.forMs, () => this.#endClone(clone))
  }

  /** Lets the nodes of `side` reach the clone and the others the original, and later the other way round. */
  #swap(node: SimulatedNode, clone: SimulatedNode, side: ReadonlySet<SimulatedNode>, swapMs: number): void {
    const { network, nodes, clones } = this.#cluster
    if (!clones.includes(clone)) return
    const others = nodes.filter((other) => other !== node)
    for (const other of others) network.route(other.id, (side.has(other) ? clone : node).process)
    const rest = new Set(others.filter((other) => !side.has(other)))
    this.#after(swapMs, () => this.#swap(node, clone, rest, swapMs))
  }

  #endClone(clone: SimulatedNode): void {
    const { network, nodes, clones } = this.#cluster
    if (!clones.includes(clone)) return
    clone.crash(true)
    clones.splice(clones.indexOf(clone), 1)
    for (const other of nodes) if (other.id !== clone.id) network.route(other.id, clone.id)
  }

  #rollBack(node: SimulatedNode, older: MemoryDisk | undefined): void {
    if (older === undefined || !isCovered(this.#cluster, node, older) || !this.#mayGoBack(node)) return
    this.#cluster.selves.expectBoot(node.id, node.disk.memory.boot?.id)
    node.rollBack(older)
    this.#onProcessEnded(node)
    this.#start(node)
  }

  #damageDisk(node: SimulatedNode, inflict: () => boolean): void {
    if (this.#canLose(node) && inflict()) this.#cluster.withoutData.add(node.id)
    if (node.disk.isChanged) this.#cluster.goneBack.add(node.id)
  }

  /** Whether the cluster keeps a quorum without this node's data. */
  #canLose({ id }: SimulatedNode): boolean {
    const { withoutData, monitor } = this.#cluster
    return !withoutData.has(id) && hasQuorumWithout(monitor.view, new Set([...withoutData, id]))
  }

  #restart(node: SimulatedNode, times: number, gapMs: number): void {
    this.#kill(node, true)
    this.#start(node)
    if (times > 1) this.#after(gapMs, () => this.#restart(node, times - 1, gapMs))
  }

  #start(node: SimulatedNode): void {
    const staysDown = this.#isOver && this.#isLost(node.id)
    if (this.#missing.get(node) !== 'down' && !staysDown) node.start()
  }

  #after(delayMs: number, callback: () => void): void {
    this.#cluster.time.after(Math.round(delayMs * 1000), () => {
      if (!this.#isOver) callback()
    })
  }

  #inject(fault: Fault): void {
    const { network, trace } = this.#cluster
    trace?.note('-', `! ${describeFault(fault)}`)
    switch (fault.type) {
      case 'crash':
        return this.#crash(this.#node(fault.node), fault.isHard, fault.forMs)
      case 'powerCut': {
        const nodes = new Set(fault.nodes.map((number) => this.#node(number)))
        for (const node of nodes) this.#crash(node, fault.isHard, fault.forMs)
        return
      }
      case 'restarts':
        return this.#restart(this.#node(fault.node), fault.times, fault.gapUs / 1000)
      case 'switches': {
        const node = this.#node(fault.node)
        const { preVote, checkQuorum } = fault
        node.optionOverrides = { ...node.optionOverrides, preVote, checkQuorum }
        return this.#crash(node, false, RESTART_MS)
      }
      case 'upgrade': {
        const node = this.#node(fault.node)
        node.machineVersion = Math.max(node.machineVersion, fault.machineVersion)
        return this.#crash(node, false, RESTART_MS)
      }
      case 'prefer': {
        const node = this.#node(fault.node)
        const { leaderPriority } = fault
        node.optionOverrides = { ...node.optionOverrides, leaderPriority }
        return this.#crash(node, false, RESTART_MS)
      }
      case 'crashAtCall': {
        const node = this.#node(fault.node)
        return this.#cluster.crashAtCall(node, fault.call, fault.when, () => this.#crash(node, true, fault.forMs))
      }
      case 'partition': {
        const pairs = this.#pairsAcross(fault.side)
        this.#cut(pairs)
        return this.#after(fault.forMs, () => this.#reconnect(pairs))
      }
      case 'flap':
        return this.#flap(this.#pairsAcross(fault.side), fault.everyMs, fault.forMs)
      case 'passOnly': {
        const [from, to] = [this.#node(fault.from).id, this.#node(fault.to).id]
        network.passOnly(from, to, fault.message)
        return this.#after(fault.forMs, () => network.passOnly(from, to, undefined))
      }
      case 'cut': {
        const [from, to] = [this.#node(fault.from).id, this.#node(fault.to).id]
        if (from === to) return
        network.cut(from, to)
        return this.#after(fault.forMs, () => network.heal(from, to))
      }
      case 'reset':
        return network.reset(this.#node(fault.a).id, this.#node(fault.b).id)
      case 'networkConditions':
        network.conditions = fault.conditions
        return this.#after(fault.forMs, () => {
          network.conditions = NORMAL_CONDITIONS
        })
      case 'slowDisk': {
        const { disk } = this.#node(fault.node)
        disk.timing = { ...NORMAL_DISK_TIMING, syncMinUs: fault.syncMs * 500, syncMaxUs: fault.syncMs * 1000 }
        return this.#after(fault.forMs, () => {
          disk.timing = NORMAL_DISK_TIMING
        })
      }
      case 'failDisk': {
        const node = this.#node(fault.node)
        node.disk.failure = 'the sync failed'
        return this.#after(fault.forMs, () => this.#repairDisk(node))
      }
      case 'misread': {
        const node = this.#node(fault.node)
        node.disk.damage.isMisread = true
        return this.#after(fault.forMs, () => this.#repairDisk(node))
      }
      case 'fullDisk': {
        const node = this.#node(fault.node)
        node.disk.freeBytes = Math.min(node.disk.freeBytes, fault.leftBytes)
        return this.#after(fault.forMs, () => this.#repairDisk(node))
      }
      case 'pause': {
        const { clock } = this.#node(fault.node)
        clock?.pause()
        return this.#after(fault.forMs, () => clock?.resume())
      }
      case 'stall': {
        const node = this.#node(fault.node)
        const { clock } = node
        node.beforeSending = () => clock?.pause()
        return this.#after(fault.forMs, () => {
          node.beforeSending = undefined
          clock?.resume()
        })
      }
      case 'drift': {
        const { clock } = this.#node(fault.node)
        clock?.setRate(fault.ratePerMille)
        return this.#after(fault.forMs, () => clock?.setRate(1000))
      }
      case 'wipeDisk':
        return this.#wipe(this.#node(fault.node))
      case 'rollBackDisk': {
        const node = this.#node(fault.node)
        return this.#rollBack(node, this.#copies.of(node, fault))
      }
      case 'cloneDisk': {
        const node = this.#node(fault.node)
        return this.#clone(node, this.#copies.of(node, fault), fault)
      }
      case 'changeCommand':
      case 'rot': {
        const node = this.#node(fault.node)
        return this.#damageDisk(node, () => node.damageDisk(fault))
      }
      case 'missing': {
        const node = this.#node(fault.node)
        this.#missing.set(node, fault.how)
        return fault.how === 'down' ? this.#kill(node, false) : this.#isolate(node)
      }
      default:
        return unreachable(fault)
    }
  }

  #crash(node: SimulatedNode, isHard: boolean, forMs: number): void {
    this.#kill(node, isHard)
    this.#after(forMs, () => this.#start(node))
  }

  #kill(node: SimulatedNode, isHard: boolean): void {
    node.crash(isHard)
    this.#onProcessEnded(node)
  }

  /** Repairs the disk, or replaces it by one with the same data. A process that saw one of its errors is restarted. */
  #repairDisk(node: SimulatedNode): void {
    const { disk } = node
    const isReplaced = disk.failure !== undefined || disk.hasRejected
    disk.failure = undefined
    disk.damage.isMisread = false
    disk.freeBytes = DISK_BYTES
    if (isReplaced) this.#kill(node, false)
    this.#start(node)
  }

  #node(number: number): SimulatedNode {
    return this.#cluster.nodeOf(number)
  }
}
