/** A bare core of a scenario, with a disk and a state machine that complete everything at once. */
import type { Effects, Persist } from '../../core/effects.ts'
import type { Input } from '../../core/inputs.ts'
import type { Outgoing } from '../../core/messages.ts'
import type { RaftOptions } from '../../core/options.ts'
import type { Raft } from '../../core/raft.ts'
import type { RaftStatus } from '../../core/status.ts'
import type { Block, HardState, Membership, NodeId, SnapshotInfo } from '../../core/types.ts'
import type { Observation } from '../properties/observation.ts'
import { CheckedRaft } from '../simulation/checked-core.ts'

/** The contents of a node's disk, which survive a crash. */
export interface ScenarioDisk {
  hardState: HardState
  snapshot: SnapshotInfo | undefined
  blocks: readonly Block[]
  /** Ids of the snapshot files. When a snapshot is recorded, the older files are deleted. */
  readonly files: Set<string>
}

/** Receives a node's messages, effects and observations. */
export interface ScenarioHost {
  send(from: NodeId, outgoing: readonly Outgoing[]): void
  printEffects(node: NodeId, effects: Effects): void
  observe(observation: Observation): void
  /** Whether that node can serve this snapshot. */
  hasSnapshot(node: NodeId, snapshot: SnapshotInfo): boolean
}

/** A tick gives up after this many timeouts without an effect. */
const TICK_WAKES_MAX = 100

export class ScenarioNode {
  readonly id: NodeId
  readonly #options: RaftOptions
  #starts = 0
  readonly #initialMembership: Membership
  readonly #host: ScenarioHost
  readonly disk: ScenarioDisk = {
    hardState: { term: 0, votedFor: undefined, commitIndex: 0 },
    snapshot: undefined,
    blocks: [],
    files: new Set(),
  }
  #raft: Raft | undefined
  /** Every node has its own clock. */
  now = 0
  wakeAt = 0
  /** If defined, writes wait here and a crash loses them. */
  #heldWrites: Persist[] | undefined
  #snapshotCount = 0
  /** Every block as it was appended, by first index and term. */
  readonly #appended = new Map<string, Block>()
  /** Whether a step had an effect since the last tick began. */
  hasActed = false
  /** The inputs of further steps; the first is being processed. */
  #pendingSteps: (readonly Input[])[] = []

  constructor(options: RaftOptions, initialMembership: Membership, host: ScenarioHost) {
    this.id = options.id
    this.#options = options
    this.#initialMembership = initialMembership
    this.#host = host
  }

  get isUp(): boolean {
    return this.#raft !== undefined
  }

  get status(): RaftStatus | undefined {
    return this.#raft?.status(this.now)
  }

  /** The block with its membership, as the runtime would send it. */
  fullBlock(block: Block): Block {
    return this.#appended.get(`${block.first}@${block.term}`) ?? this.disk.blocks.find(isSameBlock(block)) ?? block
  }

  /** Starts the node from its disk; a running node crashes first. */
  start(): void {
    if (this.isUp) this.crash()
    const { hardState, snapshot, blocks } = this.disk
    const initialMembership = this.#initialMembership
    this.#host.observe({ type: 'started', node: this.id, hardState, snapshot, blocks, initialMembership })
    // Each start has its own seed, like a real process, so that responses to an earlier run do not match.
    const options = { ...this.#options, seed: this.#options.seed + this.#starts++ }
    this.#raft = new CheckedRaft(options, { hardState, snapshot, blocks, initialMembership }, this.now)
    this.step([])
  }

  crash(): void {
    this.#raft = undefined
    this.#heldWrites = this.#heldWrites === undefined ? undefined : []
    this.#host.observe({ type: 'crashed', node: this.id })
  }

  hold(): void {
    this.#heldWrites ??= []
  }

  /** Completes `count` held writes. Without a count, completes all of them and holds no more. */
  release(count: number = Infinity): void {
    for (let written = 0; written < count; written++) {
      const persist = this.#heldWrites?.shift()
      if (persist === undefined) break
      this.#write(persist)
    }
    if (count === Infinity) this.#heldWrites = undefined
  }

  /** Steps the core with these inputs, then with the completions of its own effects, until there are none. */
  step(inputs: readonly Input[]): void {
    this.#pendingSteps.push(inputs)
    if (this.#pendingSteps.length > 1) return
    for (let next = this.#pendingSteps[0]; next !== undefined; next = this.#pendingSteps[0]) {
      this.#stepOnce(next)
      this.#pendingSteps.shift()
    }
  }

  #stepOnce(inputs: readonly Input[]): void {
    if (this.#raft === undefined) return
    const effects = this.#raft.step(this.now, inputs)
    this.wakeAt = effects.wakeAt
    if (effects.send.length > 0 || effects.persist !== undefined || effects.events.length > 0) this.hasActed = true
    this.#host.observe({ type: 'stepped', node: this.id, inputs, effects, status: this.#raft.status(this.now) })
    for (const block of effects.persist?.blocks ?? []) this.#appended.set(`${block.first}@${block.term}`, block)
    this.#host.printEffects(this.id, effects)
    this.#host.send(this.id, effects.send)
    if (effects.persist !== undefined) {
      if (this.#heldWrites !== undefined) this.#heldWrites.push(effects.persist)
      else this.#write(effects.persist)
    }
    if (effects.install !== undefined) this.step([{ type: 'applied', index: effects.install.index }])
    if (effects.apply !== undefined) this.step([{ type: 'applied', index: effects.apply.to - 1 }])
    if (effects.fetch !== undefined) this.#fetch(effects.fetch.from, effects.fetch.snapshot)
    if (effects.takeSnapshot) this.takeSnapshot()
  }

  /** Advances this node's clock until a timeout has an effect. */
  tick(): void {
    this.hasActed = false
    for (let wakes = 0; wakes < TICK_WAKES_MAX && !this.hasActed && this.wakeAt < Infinity; wakes++) {
      this.now = Math.max(this.now, this.wakeAt)
      this.step([{ type: 'timeout' }])
    }
  }

  /** Takes a snapshot at the applied index. */
  takeSnapshot(): void {
    const applied = this.status?.appliedIndex ?? 0
    if (this.#raft === undefined || applied === 0) return
    const snapshot = { id: `${this.id}-${++this.#snapshotCount}`, size: 1, ...this.#raft.snapshotMetadata(applied) }
    this.disk.files.add(snapshot.id)
    this.step([{ type: 'snapshotTaken', snapshot }])
  }

  #fetch(from: NodeId, snapshot: SnapshotInfo): void {
    if (this.#host.hasSnapshot(from, snapshot)) {
      this.disk.files.add(snapshot.id)
      this.step([{ type: 'snapshotFetched', snapshot }])
    } else this.step([{ type: 'snapshotFetchFailed', snapshot, reason: 'gone' }])
  }

  #write(persist: Persist): void {
    const { disk } = this
    if (persist.snapshot !== undefined) {
      disk.snapshot = persist.snapshot.info
      for (const id of disk.files) if (id !== disk.snapshot.id) disk.files.delete(id)
      if (persist.snapshot.resetLog) disk.blocks = []
    }
    const { truncateAfter, compactTo } = persist
    if (truncateAfter !== undefined) disk.blocks = disk.blocks.filter(({ first }) => first <= truncateAfter)
    disk.blocks = [...disk.blocks, ...persist.blocks]
    if (persist.hardState !== undefined) disk.hardState = persist.hardState
    if (compactTo !== undefined) disk.blocks = disk.blocks.filter(({ first, count }) => first + count - 1 > compactTo)
    this.#host.observe({ type: 'durable', node: this.id, write: persist })
    this.#host.send(this.id, persist.then)
    this.step([{ type: 'persisted', number: persist.number }])
  }
}

function isSameBlock(block: Block): (other: Block) => boolean {
  return (other) => other.first === block.first && other.term === block.term
}
