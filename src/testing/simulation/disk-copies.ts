/** Copies of the data directories of all nodes, made before the faults that need them. */
import type { MemoryDisk } from '../../memory/memory-disk.ts'
import type { Cluster } from './cluster.ts'
import type { FaultPlan } from './faults.ts'
import type { SimulatedNode } from './simulated-node.ts'

export class DiskCopies {
  readonly #cluster: Cluster
  /** By the simulated time of the copy in milliseconds. Which node a fault means is known only when it begins. */
  readonly #copies = new Map<number, ReadonlyMap<SimulatedNode, MemoryDisk>>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** Schedules the copies that a plan needs. */
  schedule(plan: FaultPlan): void {
    const times = plan.flatMap((fault) => ('ageMs' in fault ? [copiedAtMs(fault.atMs, fault.ageMs)] : []))
    for (const atMs of new Set(times)) this.#cluster.time.after(atMs * 1000, () => this.#copyAll(atMs))
  }

  /** The copy of a node's directory that is as old as a fault wants. */
  of(node: SimulatedNode, { atMs, ageMs }: { readonly atMs: number; readonly ageMs: number }): MemoryDisk | undefined {
    return this.#copies.get(copiedAtMs(atMs, ageMs))?.get(node)
  }

  #copyAll(atMs: number): void {
    this.#copies.set(atMs, new Map(this.#cluster.nodes.map((node) => [node, node.disk.memory.copy()])))
  }
}

function copiedAtMs(atMs: number, ageMs: number): number {
  return Math.round(Math.max(0, atMs - ageMs))
}
