/** A network inside one process: the transport contract without sockets, for clusters in one process and for tests. */
import type { PeerIdentity, PeerMessage, Refusal, Transport, TransportHost } from '../contracts/transport.ts'
import { messageBytes } from '../contracts/transport.ts'
import type { NodeId } from '../core/types.ts'
import type { ErrorCode } from '../errors.ts'
import { ERROR_CODES, isRaftError, RaftError } from '../errors.ts'

export interface MemoryNetworkOptions {
  /** Calls back in a later turn; `setImmediate` unless given. */
  readonly defer?: ((callback: () => void) => void) | undefined
  /** The most bytes under way from one node to another; a message beyond it is dropped (one may exceed it alone). */
  readonly windowBytes?: number | undefined
  /** Whoever was turned away asks again after this long. */
  readonly refusalPauseMs?: number | undefined
}

/** Messages under way from one node to another. */
interface Lane {
  readonly to: MemoryTransport
  readonly messages: PeerMessage[]
  bytes: number
}

/** What the transports of one network share: who is where, and which pairs are cut off from each other. */
export class MemoryNetwork {
  readonly defer: (callback: () => void) => void
  readonly windowBytes: number
  readonly refusalPauseMs: number
  readonly #transports = new Map<string, MemoryTransport>()
  readonly #cuts = new Set<string>()
  readonly #stalls = new Set<string>()
  #created = 0

  constructor(options: MemoryNetworkOptions = {}) {
    this.defer = options.defer ?? ((callback) => setImmediate(callback))
    this.windowBytes = options.windowBytes ?? 8 * 1024 * 1024
    this.refusalPauseMs = options.refusalPauseMs ?? 1000
  }

  /** A transport at an address of this network; without one, at a new one. */
  transport(address = `memory:${++this.#created}`): MemoryTransport {
    return new MemoryTransport(this, address)
  }

  /** Breaks the link between two addresses, and keeps it broken until `heal`. */
  cut(one: string, other: string): void {
    this.#cuts.add(pair(one, other))
    this.#transports.get(one)?.lose(other, 'the link was cut')
    this.#transports.get(other)?.lose(one, 'the link was cut')
  }

  heal(one: string, other: string): void {
    this.#cuts.delete(pair(one, other))
    this.connectAll()
  }

  /** From now on messages between two addresses stay under way, and nobody is told, until `resume`. */
  stall(one: string, other: string): void {
    this.#stalls.add(pair(one, other))
  }

  resume(one: string, other: string): void {
    this.#stalls.delete(pair(one, other))
    for (const address of [one, other]) this.#transports.get(address)?.deliverAll()
  }

  isStalled(one: string, other: string): boolean {
    return this.#stalls.has(pair(one, other))
  }

  /** Puts a started transport on the network. */
  join(transport: MemoryTransport): void {
    if (this.#transports.has(transport.address))
      throw new RaftError('ERR_RAFT_PORT_IN_USE', `${transport.address} is in use by another node of this network`, {
        hint: 'give each node an address of its own',
      })
    this.#transports.set(transport.address, transport)
    this.connectAll()
  }

  leave(transport: MemoryTransport): void {
    if (this.#transports.get(transport.address) !== transport) return
    this.#transports.delete(transport.address)
    for (const other of this.#transports.values()) other.lose(transport.address, 'the peer has closed')
  }

  /** The transport at an address, if it can be reached from another. */
  reach(from: string, to: string): MemoryTransport | undefined {
    return this.#cuts.has(pair(from, to)) ? undefined : this.#transports.get(to)
  }

  /** Lets everybody look, in a later turn, for peers that have become reachable. */
  connectAll(): void {
    this.defer(() => {
      for (const transport of this.#transports.values()) transport.connect()
    })
  }
}

function pair(one: string, other: string): string {
  return one < other ? `${one} ${other}` : `${other} ${one}`
}

export class MemoryTransport implements Transport {
  readonly address: string
  readonly #network: MemoryNetwork
  #host: TransportHost | undefined
  #peers: ReadonlyMap<NodeId, string> = new Map()
  readonly #lanes = new Map<NodeId, Lane>()
  readonly #refused = new Map<NodeId, NodeJS.Timeout>()
  readonly #closing = new AbortController()

  constructor(network: MemoryNetwork, address: string) {
    this.#network = network
    this.address = address
  }

  async start(host: TransportHost): Promise<void> {
    if (this.#isClosed) throw closed()
    if (this.#host !== undefined) throw new RaftError('ERR_RAFT_INTERNAL', 'the transport was started twice')
    this.#network.join(this)
    this.#host = host
  }

  setPeers(addresses: ReadonlyMap<NodeId, string>): void {
    this.#peers = new Map(addresses)
    for (const [peer, { to }] of [...this.#lanes])
      if (this.#peers.get(peer) !== to.address) {
        this.lose(to.address, 'no longer a peer')
        to.lose(this.address, 'the peer has closed the link')
      }
    this.#network.connectAll()
  }

  send(to: NodeId, message: PeerMessage): boolean {
    const lane = this.#lanes.get(to)
    const bytes = messageBytes(message)
    if (lane === undefined || (lane.bytes > 0 && lane.bytes + bytes > this.#network.windowBytes)) return false
    lane.bytes += bytes
    lane.messages.push(message)
    if (lane.messages.length === 1) this.#network.defer(() => this.#deliver(to, lane))
    return true
  }

  async *fetchSnapshot(
    from: NodeId,
    id: string,
    offset: number,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void> {
    const stopped = AbortSignal.any([signal, this.#closing.signal])
    stopped.throwIfAborted()
    const address = this.#peers.get(from) ?? this.#lanes.get(from)?.to.address
    const source = address === undefined ? undefined : this.#network.reach(this.address, address)
    if (source === undefined || this.#host === undefined) throw unreachable(from)
    try {
      for await (const chunk of source.#read(this.#host.identity, id, offset)) {
        stopped.throwIfAborted()
        if (this.#network.reach(this.address, source.address) !== source) throw unreachable(from)
        yield chunk
      }
    } catch (error) {
      throw isRaftError(error) || stopped.aborted ? error : unreachable(from, error)
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#closing.abort(closed())
    for (const timer of this.#refused.values()) clearTimeout(timer)
    this.#network.leave(this)
    for (const { to } of [...this.#lanes.values()]) this.lose(to.address, 'closed')
  }

  /** Connects to every peer that is wanted, reachable and not yet connected. Called by the network, in a turn of its own. */
  connect(): void {
    const host = this.#host
    if (host === undefined || this.#isClosed) return
    for (const [id, address] of this.#peers) {
      if (id === host.identity.nodeId || this.#lanes.has(id) || this.#refused.has(id)) continue
      const peer = this.#network.reach(this.address, address)
      if (peer !== undefined) this.#greet(id, host, peer)
    }
  }

  /** The link to an address is gone, and what was under way on it. */
  lose(address: string, reason: string): void {
    for (const [peer, { to }] of [...this.#lanes])
      if (to.address === address) {
        this.#lanes.delete(peer)
        this.#host?.peerLost(peer, reason)
      }
  }

  /** This node's snapshot, for a peer that asks. */
  async *#read(asker: PeerIdentity, id: string, offset: number): AsyncGenerator<Uint8Array, void> {
    const host = this.#host
    if (host === undefined || this.#isClosed) throw unreachable(this.address)
    const refusal = host.admit(asker)
    if (refusal !== undefined) throw refused(host.identity.nodeId, refusal)
    for await (const chunk of host.readSnapshot(id, offset)) {
      if (this.#isClosed) throw unreachable(host.identity.nodeId)
      yield chunk
    }
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted
  }

  #greet(id: NodeId, host: TransportHost, peer: MemoryTransport): void {
    const peerHost = peer.#host
    if (peerHost === undefined) return
    const refusedBy = judge(host.identity, id, peerHost)
    const refusing = refusedBy === undefined ? host.admit(peerHost.identity) : undefined
    if (refusedBy !== undefined) host.refusedBy(id, refusedBy)
    if (refusing !== undefined) peerHost.refusedBy(host.identity.nodeId, refusing)
    if (refusedBy !== undefined || refusing !== undefined) return this.#pause(id)
    // A host may close its transport in any of these calls.
    if (this.#isClosed || peer.#isClosed) return
    this.#lanes.set(id, { to: peer, messages: [], bytes: 0 })
    host.peerConnected(id)
    if (this.#isClosed) return
    peer.#lanes.set(host.identity.nodeId, { to: this, messages: [], bytes: 0 })
    peerHost.peerConnected(host.identity.nodeId)
  }

  #pause(peer: NodeId): void {
    const timer = setTimeout(() => {
      this.#refused.delete(peer)
      this.#network.connectAll()
    }, this.#network.refusalPauseMs)
    timer.unref()
    this.#refused.set(peer, timer)
  }

  /** Goes on with what is under way to whoever can be reached again; called by the network. */
  deliverAll(): void {
    for (const [to, lane] of this.#lanes) this.#network.defer(() => this.#deliver(to, lane))
  }

  #deliver(to: NodeId, lane: Lane): void {
    if (this.#network.isStalled(this.address, lane.to.address)) return
    const own = this.#host?.identity.nodeId
    const receiver = lane.to.#host
    for (const message of lane.messages.splice(0)) {
      lane.bytes -= messageBytes(message)
      if (own !== undefined && this.#lanes.get(to) === lane) receiver?.receive(own, message)
    }
  }
}

/** Whether a node turns away one that came looking for `expected`. */
function judge(comer: PeerIdentity, expected: NodeId, host: TransportHost): Refusal | undefined {
  const { nodeId, clusterId } = host.identity
  const misplaced =
    nodeId === expected ? undefined : { code: 'ERR_RAFT_NODE_MISMATCH', message: `this is ${nodeId}, not ${expected}` }
  if (misplaced !== undefined && comer.clusterId === clusterId) return misplaced
  return host.admit(comer) ?? misplaced
}

function refused(peer: NodeId, { code, message }: Refusal): RaftError {
  const known = Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : 'ERR_RAFT_UNREACHABLE'
  return new RaftError(known, `${peer} does not hand out its snapshot: ${message}`)
}

function unreachable(peer: NodeId, cause?: unknown): RaftError {
  return new RaftError('ERR_RAFT_UNREACHABLE', `fetching a snapshot from ${peer} broke off`, { cause })
}

function closed(): RaftError {
  return new RaftError('ERR_RAFT_CLOSED', 'the transport is closed')
}
