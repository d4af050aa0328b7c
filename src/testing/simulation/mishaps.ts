/** Makes the faults of a plan happen, and undoes them. */
import type { NodeId } from '../../core/types.ts'
import { canDoWithout, isDiskKnown } from '../properties/quorum.ts'
import type { Cluster } from './cluster.ts'
import type { DamagedPart } from './damage.ts'
import { GOOD_DISK, ROOM_BYTES } from './disk.ts'
import type { Fault, FaultPlan } from './faults.ts'
import { wordsOfFault } from './faults.ts'
import type { SimulatedNode } from './simulated-node.ts'
import { FAIR_WEATHER } from './weather.ts'

/** How long a process that is replaced by another is away. */
const RESTART_MS = 5

/** One direction of a link. */
type Way = readonly [from: NodeId, to: NodeId]

export class Mishaps {
  readonly #cluster: Cluster
  /** Told when the process of a node is gone. */
  readonly #died: (node: SimulatedNode) => void
  #isOver = false
  /** They stay away when the other faults end, if the rest can do without them. */
  readonly #missing = new Map<SimulatedNode, 'down' | 'cut off'>()

  constructor(cluster: Cluster, died: (node: SimulatedNode) => void) {
    this.#cluster = cluster
    this.#died = died
  }

  schedule(plan: FaultPlan): void {
    for (const fault of plan) this.#after(fault.atMs, () => this.#begin(fault))
  }

  /** Who is away, or without its data. */
  get missing(): ReadonlySet<SimulatedNode> {
    const lost = this.#cluster.nodes.filter(({ id }) => this.#cluster.lost.has(id))
    return new Set([...this.#missing.keys(), ...lost])
  }

  /** All is well again: links, weather, disks, clocks; whoever was down or away comes back, but for those who are missing. */
  heal(): void {
    const { network, nodes, trace } = this.#cluster
    this.#isOver = true
    trace?.note('-', '! all faults end')
    this.#cluster.disarm()
    network.weather = FAIR_WEATHER
    network.healAll()
    for (const node of nodes) {
      node.disk.temper = GOOD_DISK
      node.clock?.setRate(1000)
      node.beforeSending = undefined
      this.#mendDisk(node)
      if (node.clock?.isPaused === true) node.clock.resume()
    }
    for (const node of nodes) if (this.#cluster.lost.has(node.id)) this.#end(node, true)
    this.#letMissing()
    for (const node of nodes) this.#start(node)
  }

  /** Those who are missing come back too. */
  bringBack(): void {
    if (this.#missing.size === 0) return
    this.#cluster.trace?.note('-', '! the missing come back')
    this.#missing.clear()
    this.#cluster.network.healAll()
    for (const node of this.#cluster.nodes) this.#start(node)
  }

  /** As many of the missing, in the order in which they went, as the rest can do without; the others come back. */
  #letMissing(): void {
    const { trace, watch } = this.#cluster
    const away = new Set<NodeId>(this.#cluster.lost)
    for (const [node, how] of this.#missing) {
      if (canDoWithout(watch.view, new Set([...away, node.id]))) {
        away.add(node.id)
        trace?.note(node.id, `! stays ${how}`)
        if (how === 'cut off') this.#cutOff(node)
      } else this.#missing.delete(node)
    }
  }

  #cutOff(node: SimulatedNode): void {
    this.#cut(this.#waysAround([this.#cluster.nodes.indexOf(node)]))
  }

  #waysAround(numbers: readonly number[]): Way[] {
    const side = new Set(numbers.map((number) => this.#node(number)))
    const others = this.#cluster.nodes.filter((node) => !side.has(node))
    return [...side].flatMap(({ id }) =>
      others.flatMap((other): Way[] => [
        [id, other.id],
        [other.id, id],
      ]),
    )
  }

  #cut(ways: readonly Way[]): void {
    for (const [from, to] of ways) this.#cluster.network.cut(from, to)
  }

  #join(ways: readonly Way[]): void {
    for (const [from, to] of ways) this.#cluster.network.heal(from, to)
  }

  #flap(ways: readonly Way[], everyMs: number, forMs: number): void {
    this.#cut(ways)
    this.#after(Math.min(everyMs, forMs), () => {
      this.#join(ways)
      if (forMs > 2 * everyMs) this.#after(everyMs, () => this.#flap(ways, everyMs, forMs - 2 * everyMs))
    })
  }

  #wipe(node: SimulatedNode): void {
    if (!isDiskKnown(this.#cluster.watch.view, node.id) || !this.#isExpendable(node)) return
    this.#cluster.lost.add(node.id)
    node.expectsRefusal = true
    node.wipe()
    this.#died(node)
    this.#start(node)
  }

  #rot(node: SimulatedNode, part: DamagedPart, place: number): void {
    if (this.#isExpendable(node) && node.disk.damage.put(part, place, node.disk.memory)) this.#cluster.lost.add(node.id)
  }

  /** Whether the rest can do without its data. */
  #isExpendable({ id }: SimulatedNode): boolean {
    const { lost, watch } = this.#cluster
    return !lost.has(id) && canDoWithout(watch.view, new Set([...lost, id]))
  }

  #restart(node: SimulatedNode, times: number, gapMs: number): void {
    this.#end(node, true)
    this.#start(node)
    if (times > 1) this.#after(gapMs, () => this.#restart(node, times - 1, gapMs))
  }

  #start(node: SimulatedNode): void {
    const isLeftOut = this.#isOver && this.#cluster.lost.has(node.id)
    if (this.#missing.get(node) !== 'down' && !isLeftOut) node.start()
  }

  #after(delayMs: number, callback: () => void): void {
    this.#cluster.time.after(Math.round(delayMs * 1000), () => {
      if (!this.#isOver) callback()
    })
  }

  #begin(fault: Fault): void {
    const { network, trace } = this.#cluster
    trace?.note('-', `! ${wordsOfFault(fault)}`)
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
        node.switches = { preVote: fault.preVote, checkQuorum: fault.checkQuorum }
        return this.#crash(node, false, RESTART_MS)
      }
      case 'crashAtCall': {
        const node = this.#node(fault.node)
        return this.#cluster.crashAtCall(node, fault.call, fault.when, () => this.#crash(node, true, fault.forMs))
      }
      case 'partition': {
        const ways = this.#waysAround(fault.side)
        this.#cut(ways)
        return this.#after(fault.forMs, () => this.#join(ways))
      }
      case 'flap':
        return this.#flap(this.#waysAround(fault.side), fault.everyMs, fault.forMs)
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
      case 'weather':
        network.weather = fault.weather
        return this.#after(fault.forMs, () => {
          network.weather = FAIR_WEATHER
        })
      case 'slowDisk': {
        const { disk } = this.#node(fault.node)
        disk.temper = { ...GOOD_DISK, syncMinUs: fault.syncMs * 500, syncMaxUs: fault.syncMs * 1000 }
        return this.#after(fault.forMs, () => {
          disk.temper = GOOD_DISK
        })
      }
      case 'failDisk': {
        const node = this.#node(fault.node)
        node.disk.failure = 'the sync failed'
        return this.#after(fault.forMs, () => this.#mendDisk(node))
      }
      case 'misread': {
        const node = this.#node(fault.node)
        node.disk.damage.isMisread = true
        return this.#after(fault.forMs, () => this.#mendDisk(node))
      }
      case 'fullDisk': {
        const node = this.#node(fault.node)
        node.disk.freeBytes = Math.min(node.disk.freeBytes, fault.leftBytes)
        return this.#after(fault.forMs, () => this.#mendDisk(node))
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
      case 'rot':
        return this.#rot(this.#node(fault.node), fault.part, fault.place)
      case 'missing': {
        const node = this.#node(fault.node)
        this.#missing.set(node, fault.how)
        return fault.how === 'down' ? this.#end(node, false) : this.#cutOff(node)
      }
    }
  }

  #crash(node: SimulatedNode, isHard: boolean, forMs: number): void {
    this.#end(node, isHard)
    this.#after(forMs, () => this.#start(node))
  }

  #end(node: SimulatedNode, isHard: boolean): void {
    node.crash(isHard)
    this.#died(node)
  }

  /** The disk is sound again, or another with the same data; a process to which it has refused something ends, and another begins. */
  #mendDisk(node: SimulatedNode): void {
    const { disk } = node
    const isReplaced = disk.failure !== undefined || disk.hasRefused
    disk.failure = undefined
    disk.damage.isMisread = false
    disk.freeBytes = ROOM_BYTES
    if (isReplaced) this.#end(node, false)
    this.#start(node)
  }

  #node(number: number): SimulatedNode {
    return this.#cluster.nodeOf(number)
  }
}
