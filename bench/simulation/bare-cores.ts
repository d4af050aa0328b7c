/** Runs cores without runtimes: messages arrive at once, writes are durable at once, and every step is checked. */
import type { Effects, Input, Membership, NodeId } from '../../src/core/index.ts'
import { RAFT_DEFAULTS } from '../../src/core/index.ts'
import { PropertyMonitor } from '../../src/testing/properties/property-monitor.ts'
import { CheckedRaft } from '../../src/testing/simulation/checked-core.ts'

interface Delivery {
  readonly to: NodeId
  readonly input: Input
}

/** Proposals in progress at a time. */
const OUTSTANDING = 8
/** Entries kept behind a snapshot. */
const TRAILING = 1000

export class BareCores {
  readonly #watch = new PropertyMonitor()
  readonly #cores = new Map<NodeId, CheckedRaft>()
  readonly #wakes = new Map<NodeId, number>()
  #deliveries: Delivery[] = []
  #now = 0
  #inputs = 0
  #proposals = 0

  constructor(ids: readonly NodeId[]) {
    const members = ids.map((id) => ({ id, address: id, directoryId: '', addedAt: 0, promote: false }))
    const initialMembership: Membership = { members, voters: ids, outgoing: [], learners: [] }
    const hardState = { term: 0, votedFor: undefined, commitIndex: 0 }
    const recovered = { hardState, snapshot: undefined, blocks: [], initialMembership }
    for (const [seed, id] of ids.entries()) {
      const options = { ...RAFT_DEFAULTS, id, seed, trailingEntries: TRAILING }
      this.#watch.observe({ type: 'started', node: id, ...recovered })
      this.#cores.set(id, new CheckedRaft(options, recovered, 0))
      this.#step(id, [])
    }
  }

  /** Processes at least `inputs` inputs and returns the total number so far. */
  run(inputs: number): number {
    while (this.#inputs < inputs) {
      const mail = this.#deliveries
      this.#deliveries = []
      for (const { to, input } of mail) this.#step(to, [input])
      if (this.#deliveries.length === 0) this.#wake()
    }
    return this.#inputs
  }

  #wake(): void {
    const [id, at] = [...this.#wakes].reduce((one, other) => (other[1] < one[1] ? other : one))
    this.#now = Math.max(this.#now, at)
    this.#step(id, [{ type: 'timeout' }])
  }

  #step(node: NodeId, inputs: readonly Input[]): void {
    const core = this.#cores.get(node) as CheckedRaft
    this.#inputs += inputs.length
    const effects = core.step(this.#now, inputs)
    this.#watch.observe({ type: 'stepped', node, inputs, effects, status: core.status(this.#now) })
    this.#wakes.set(node, effects.wakeAt)
    this.#handleEffects(node, core, effects)
  }

  #handleEffects(node: NodeId, core: CheckedRaft, { persist, send, apply }: Effects): void {
    for (const { to, message } of send) this.#deliver(node, to, message)
    if (persist !== undefined) {
      this.#watch.observe({ type: 'durable', node, write: persist })
      this.#deliveries.push({ to: node, input: { type: 'persisted', number: persist.number } })
      for (const { to, message } of persist.then) this.#deliver(node, to, message)
    }
    if (apply === undefined) return
    const index = apply.to - 1
    this.#deliveries.push({ to: node, input: { type: 'applied', index } })
    if (index % TRAILING < OUTSTANDING && index > TRAILING) this.#snapshot(node, core, index)
    if (core.state.role.type === 'leader') this.#propose(node)
  }

  #snapshot(node: NodeId, core: CheckedRaft, index: number): void {
    const snapshot = { ...core.snapshotMetadata(index), id: `${node}-${index}`, size: 1 }
    this.#deliveries.push({ to: node, input: { type: 'snapshotTaken', snapshot } })
  }

  #propose(leader: NodeId): void {
    for (let count = 0; count < OUTSTANDING / 4; count++)
      this.#deliveries.push({
        to: leader,
        input: { type: 'propose', proposal: ++this.#proposals, count: 1, size: 100, checksum: 7, payload: undefined },
      })
  }

  #deliver(from: NodeId, to: NodeId, message: Effects['send'][number]['message']): void {
    this.#watch.observe({ type: 'sent', from, to, message })
    this.#deliveries.push({ to, input: { type: 'receive', from, message } })
  }
}
