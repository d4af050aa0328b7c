/** A cluster in one process, without gRPC and RocksDB: for experiments, and for tests of code that uses a state machine. */
import type { StateMachine } from './contracts/state-machine.ts'
import type { NodeId } from './core/types.ts'
import { RaftError } from './errors.ts'
import { MemoryDisk } from './memory/memory-disk.ts'
import { MemoryStorage } from './memory/memory-storage.ts'
import { MemoryNetwork } from './memory/memory-transport.ts'
import type { NodeOptions } from './runtime/options.ts'
import { RaftNode } from './runtime/raft-node.ts'
import { realClock } from './runtime/real-clock.ts'

export interface MemoryClusterOptions<Command, Result, Query = never, Answer = unknown>
  extends Omit<NodeOptions<Command, Result, Query, Answer>, 'id' | 'peers' | 'join' | 'stateMachine' | 'seed'> {
  /** The number of nodes. Their ids are n1, n2, … */
  readonly nodes: number
  /** Called for each node: every node needs its own state machine. */
  readonly stateMachine: (id: NodeId) => StateMachine<Command, Result, Query, Answer>
  /** Seeds the random election timeouts. Default: 1. */
  readonly seed?: number | undefined
}

/** Starts all nodes. Resolves once they are running; `cluster.leader()` waits for a leader. */
export async function startMemoryCluster<Command, Result, Query = never, Answer = unknown>(
  options: MemoryClusterOptions<Command, Result, Query, Answer>,
): Promise<MemoryCluster<Command, Result, Query, Answer>> {
  const cluster = new MemoryCluster(options)
  try {
    for (const id of cluster.ids) await cluster.start(id)
  } catch (error) {
    await cluster.close()
    throw error
  }
  return cluster
}

export class MemoryCluster<Command, Result, Query = never, Answer = unknown> {
  readonly ids: readonly NodeId[]
  readonly network: MemoryNetwork = new MemoryNetwork()
  readonly #options: MemoryClusterOptions<Command, Result, Query, Answer>
  readonly #disks: ReadonlyMap<NodeId, MemoryDisk>
  readonly #running = new Map<NodeId, RaftNode<Command, Result, Query, Answer>>()

  constructor(options: MemoryClusterOptions<Command, Result, Query, Answer>) {
    if (!Number.isSafeInteger(options.nodes) || options.nodes < 1)
      throw new RaftError('ERR_RAFT_OPTIONS', `nodes must be a whole number of at least 1, not ${options.nodes}`)
    this.#options = options
    this.ids = Array.from({ length: options.nodes }, (_, offset) => `n${offset + 1}`)
    this.#disks = new Map(this.ids.map((id) => [id, new MemoryDisk({ directoryId: `memory-${id}` })]))
  }

  /** The running nodes. */
  get nodes(): readonly RaftNode<Command, Result, Query, Answer>[] {
    return [...this.#running.values()]
  }

  node(id: NodeId): RaftNode<Command, Result, Query, Answer> {
    const node = this.#running.get(id)
    if (node === undefined) throw new RaftError('ERR_RAFT_UNREACHABLE', `${id} is not running`)
    return node
  }

  /** Starts a stopped node again, with the data that it had written. */
  async start(id: NodeId): Promise<RaftNode<Command, Result, Query, Answer>> {
    const disk = this.#disks.get(id)
    if (disk === undefined)
      throw new RaftError('ERR_RAFT_OPTIONS', `there is no node ${id}, only ${this.ids.join(', ')}`)
    const { nodes: _, stateMachine, seed = 1, ...rest } = this.#options
    const node = await RaftNode.start<Command, Result, Query, Answer>({
      ...rest,
      id,
      peers: Object.fromEntries(this.ids.map((peer) => [peer, addressOf(peer)])),
      seed: seed * 1000 + this.ids.indexOf(id),
      stateMachine: stateMachine(id),
      storage: new MemoryStorage({ disk }),
      transport: this.network.transport(addressOf(id)),
      clock: realClock(),
    })
    this.#running.set(id, node)
    return node
  }

  async stop(id: NodeId): Promise<void> {
    const node = this.#running.get(id)
    this.#running.delete(id)
    await node?.close()
  }

  /** Resolves with the leader once there is one; rejects with ERR_RAFT_NO_LEADER at the timeout. */
  async leader(options: { readonly timeoutMs?: number } = {}): Promise<RaftNode<Command, Result, Query, Answer>> {
    const stopping = new AbortController()
    const waits = this.nodes.map(async (node) => {
      await node.until((status) => status.role === 'leader', { ...options, signal: stopping.signal })
      return node
    })
    try {
      return await Promise.any(waits)
    } catch (cause) {
      throw new RaftError('ERR_RAFT_NO_LEADER', `none of ${this.nodes.length} running nodes became leader`, { cause })
    } finally {
      stopping.abort()
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((id) => this.stop(id)))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function addressOf(id: NodeId): string {
  return `memory:${id}`
}
