/** A cluster of complete nodes in memory, on virtual time. */
import type { NodeEvent } from '../../src/contracts/observer.ts'
import type { StateMachine } from '../../src/contracts/state-machine.ts'
import type { NodeId } from '../../src/core/types.ts'
import { MemoryDisk } from '../../src/memory/memory-disk.ts'
import { MemoryStorage } from '../../src/memory/memory-storage.ts'
import { MemoryNetwork } from '../../src/memory/memory-transport.ts'
import type { RaftNodeOptions } from '../../src/runtime/raft-node.ts'
import { RaftNode } from '../../src/runtime/raft-node.ts'
import { NodeClock, VirtualTime } from '../../src/testing/simulation/virtual-clock.ts'

/** Appends every command to a list; 'boom' makes it throw. */
export class Journal implements StateMachine<string, number, string, number> {
  entries: string[] = []

  apply(command: string): number {
    if (command === 'boom') throw new Error('boom')
    return this.entries.push(command)
  }

  *snapshot(): Iterable<Uint8Array> {
    const entries = [...this.entries]
    for (const entry of entries) yield Buffer.from(`${entry}\n`)
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let text = ''
    for await (const chunk of chunks) text += Buffer.from(chunk).toString()
    this.entries = text.split('\n').slice(0, -1)
  }

  query(prefix: string): number {
    return this.entries.filter((entry) => entry.startsWith(prefix)).length
  }
}

export type JournalNode = RaftNode<string, number, string, number>
export type JournalOptions = Partial<RaftNodeOptions<string, number, string, number>>

export class VirtualCluster {
  readonly time: VirtualTime = new VirtualTime()
  readonly network: MemoryNetwork = new MemoryNetwork({ defer: (callback) => this.time.after(0, callback) })
  readonly disks: Map<NodeId, MemoryDisk> = new Map()
  readonly machines: Map<NodeId, Journal> = new Map()
  readonly events: Map<NodeId, NodeEvent[]> = new Map()
  readonly clocks: Map<NodeId, NodeClock> = new Map()
  readonly nodes: Map<NodeId, JournalNode> = new Map()
  readonly peers: Record<NodeId, string>
  readonly #options: JournalOptions

  constructor(ids: string, options: JournalOptions = {}) {
    this.peers = Object.fromEntries(ids.split(' ').map((id) => [id, `memory:${id}`]))
    this.#options = options
  }

  /** Starts a node with the content of its disk. */
  async start(id: NodeId, options: JournalOptions = {}): Promise<JournalNode> {
    const disk = this.disks.get(id) ?? new MemoryDisk({ directoryId: `disk-of-${id}` })
    const clock = new NodeClock(this.time, { startMs: 1000, ratePerMille: 1000 })
    const machine = new Journal()
    const events = this.events.get(id) ?? []
    this.disks.set(id, disk)
    this.clocks.set(id, clock)
    this.machines.set(id, machine)
    this.events.set(id, events)
    const node = await this.runUntilSettled(
      RaftNode.start<string, number, string, number>({
        id,
        peers: this.peers,
        seed: [...id].reduce((sum, letter) => sum + letter.charCodeAt(0), 0),
        stateMachine: machine,
        storage: new MemoryStorage({ disk }),
        transport: this.network.transport(`memory:${id}`),
        clock,
        observers: [{ event: (_, event) => events.push(event) }],
        ...this.#options,
        ...options,
      }),
    )
    this.nodes.set(id, node)
    return node
  }

  async startAll(): Promise<JournalNode[]> {
    const nodes: JournalNode[] = []
    for (const id of Object.keys(this.peers)) nodes.push(await this.start(id))
    return nodes
  }

  node(id: NodeId): JournalNode {
    return this.nodes.get(id) as JournalNode
  }

  entries(id: NodeId): readonly string[] {
    return this.machines.get(id)?.entries ?? []
  }

  /** The events of one type that a node has emitted. */
  eventsOf<Type extends NodeEvent['type']>(id: NodeId, type: Type): Extract<NodeEvent, { type: Type }>[] {
    return (this.events.get(id) ?? []).filter((event) => event.type === type) as Extract<NodeEvent, { type: Type }>[]
  }

  /** Stops the node at once; its disk keeps what was synced. */
  crash(id: NodeId): void {
    const at = `memory:${id}`
    this.clocks.get(id)?.stop()
    this.disks.get(id)?.crash()
    this.nodes.delete(id)
    void this.network.reachable('', at)?.close()
  }

  /** Replaces the disk of a node with an empty one. */
  wipe(id: NodeId): void {
    this.disks.set(id, new MemoryDisk({ directoryId: 'another-disk' }))
  }

  /** Cuts the network between a node and all others. */
  isolate(id: NodeId): void {
    for (const other of Object.keys(this.peers)) if (other !== id) this.network.cut(`memory:${id}`, `memory:${other}`)
  }

  rejoin(id: NodeId): void {
    for (const other of Object.keys(this.peers)) if (other !== id) this.network.heal(`memory:${id}`, `memory:${other}`)
  }

  /** Runs until a node other than `except` leads, and returns it. */
  async leader(...except: readonly JournalNode[]): Promise<JournalNode> {
    return this.runUntil(() => {
      const nodes = [...this.nodes.values()].filter((node) => !except.includes(node))
      return nodes.find((node) => node.statusNow().role === 'leader')
    })
  }

  followers(leader: JournalNode): JournalNode[] {
    return [...this.nodes.values()].filter((node) => node !== leader)
  }

  /** Advances time until `probe` returns a value, and returns it. */
  async runUntil<Value>(probe: () => Value | undefined | false, withinMs = 60_000): Promise<Value> {
    const endUs = this.time.nowUs + withinMs * 1000
    for (;;) {
      await flushPromises()
      const found = probe()
      if (found !== undefined && found !== false) return found
      if (!this.time.step(endUs)) throw new Error(`timed out after ${withinMs} ms: ${probe}`)
    }
  }

  /** Advances time until the promise is settled, and returns it. */
  async runUntilSettled<Value>(promise: Promise<Value>): Promise<Value> {
    let isSettled = false
    promise.then(
      () => {
        isSettled = true
      },
      () => {
        isSettled = true
      },
    )
    await this.runUntil(() => isSettled)
    return promise
  }

  async advance(ms: number): Promise<void> {
    const endUs = this.time.nowUs + ms * 1000
    do await flushPromises()
    while (this.time.step(endUs))
    await flushPromises()
  }

  async close(): Promise<void> {
    const closing = Promise.all([...this.nodes.values()].map((node) => node.close()))
    await this.runUntilSettled(closing)
  }
}

/** Runs everything that waits for resolved promises. */
export function flushPromises(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
