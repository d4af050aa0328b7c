/** Makes the faults of a plan happen, and undoes them. */
import type { Cluster } from './cluster.ts'
import { GOOD_DISK } from './disk.ts'
import type { Fault, FaultPlan } from './faults.ts'
import { wordsOfFault } from './faults.ts'
import { FAIR_WEATHER } from './network.ts'
import type { SimulatedNode } from './simulated-node.ts'

export class Mishaps {
  readonly #cluster: Cluster
  /** Told when the process of a node is gone. */
  readonly #died: (node: SimulatedNode) => void
  #isOver = false

  constructor(cluster: Cluster, died: (node: SimulatedNode) => void) {
    this.#cluster = cluster
    this.#died = died
  }

  schedule(plan: FaultPlan): void {
    for (const fault of plan) this.#after(fault.atMs, () => this.#begin(fault))
  }

  /** All is well again: links, weather, disks, clocks; whoever was down or away comes back. */
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
      if (node.disk.failure !== undefined) this.#replaceDisk(node)
      if (node.clock?.isPaused === true) node.clock.resume()
      node.start()
    }
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
      case 'crashAtCall': {
        const node = this.#node(fault.node)
        return this.#cluster.crashAtCall(node, fault.call, fault.when, () => this.#crash(node, true, fault.forMs))
      }
      case 'partition': {
        const side = [...new Set(fault.side.map((number) => this.#node(number)))]
        const others = this.#cluster.nodes.filter((node) => !side.includes(node))
        const ways = side.flatMap((one) =>
          others.flatMap(
            (other) =>
              [
                [one.id, other.id],
                [other.id, one.id],
              ] as const,
          ),
        )
        for (const [from, to] of ways) network.cut(from, to)
        return this.#after(fault.forMs, () => {
          for (const [from, to] of ways) network.heal(from, to)
        })
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
        node.expectsFailure = true
        return this.#after(fault.forMs, () => this.#replaceDisk(node))
      }
      case 'pause': {
        const { clock } = this.#node(fault.node)
        clock?.pause()
        return this.#after(fault.forMs, () => clock?.resume())
      }
      case 'drift': {
        const { clock } = this.#node(fault.node)
        clock?.setRate(fault.ratePerMille)
        return this.#after(fault.forMs, () => clock?.setRate(1000))
      }
    }
  }

  #crash(node: SimulatedNode, isHard: boolean, forMs: number): void {
    node.crash(isHard)
    this.#died(node)
    this.#after(forMs, () => node.start())
  }

  /** The process ends with the broken disk, and another begins with a sound one that has the same data. */
  #replaceDisk(node: SimulatedNode): void {
    node.crash(false)
    this.#died(node)
    node.disk.failure = undefined
    node.expectsFailure = false
    node.start()
  }

  #node(number: number): SimulatedNode {
    return this.#cluster.nodeOf(number)
  }
}
