/** Simulated readers of changes: each follows one node after the other, and reports what it receives. */
import type { LogIndex } from '../../core/types.ts'
import { isRaftError } from '../../errors.ts'
import type { Cluster } from './cluster.ts'
import type { SimulatedNode, SimulatedRaftNode } from './simulated-node.ts'

interface Reader {
  readonly reader: number
  /** The index after its last change. */
  nextIndex: LogIndex
  /** Ends what it reads at present. */
  stop: AbortController
}

export class ChangeReaders {
  readonly #cluster: Cluster
  readonly #readers = new Map<number, Reader>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** Continues at this node, if it runs. */
  follow(number: number, at: SimulatedNode): void {
    const reader = this.#readers.get(number) ?? { reader: number, nextIndex: 1, stop: new AbortController() }
    this.#readers.set(number, reader)
    reader.stop.abort()
    reader.stop = new AbortController()
    if (at.node !== undefined) void this.#read(reader, at, at.node)
  }

  async #read(place: Reader, at: SimulatedNode, node: SimulatedRaftNode): Promise<void> {
    const { reader, stop } = place
    const isOver = (): boolean => stop.signal.aborted || at.node !== node
    try {
      for await (const { index, command } of node.changes({ from: place.nextIndex, signal: stop.signal })) {
        if (isOver()) return
        this.#cluster.observe({ type: 'changed', reader, node: at.id, index, command })
        place.nextIndex = index + 1
      }
    } catch (error) {
      if (isOver()) return
      if (!isRaftError(error)) return this.#cluster.fail(error)
      if (error.code !== 'ERR_RAFT_COMPACTED') return
      const firstIndex = Number(error.details.firstIndex)
      this.#cluster.observe({ type: 'compacted', reader, node: at.id, wantedIndex: place.nextIndex, firstIndex })
      place.nextIndex = firstIndex
      if (!this.#cluster.isOver) await this.#read(place, at, node)
    }
  }
}
