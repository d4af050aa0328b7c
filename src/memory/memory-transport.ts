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
interface OutgoingLink {
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
    this.#cuts.add(linkKey(one, other))
    this.#transports.get(one)?.disconnect(other, 'the link was cut')
    this.#transports.get(other)?.disconnect(one, 'the link was cut')
  }

  heal(one: string, other: string): void {
    this.#cuts.delete(linkKey(one, other))
    this.connectAll()
  }

  /** From now on messages between two addresses stay under way, and nobody is told, until `resume`. */
  stall(one: string, other: string): void {
    this.#stalls.add(linkKey(one, other))
  }

  resume(one: string, other: string): void {
    this.#stalls.delete(linkKey(one, other))
    for (const address of [one, other]) this.#transports.get(address)?.deliverAll()
  }

  isStalled(one: string, other: string): boolean {
    return this.#stalls.has(linkKey(one, other))
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
    for (const other of this.#transports.values()) other.disconnect(transport.address, 'the peer has closed')
  }

  /** The transport at an address, if it can be reached from another. */
  reachable(from: string, to: string): MemoryTransport | undefined {
    return this.#cuts.has(linkKey(from, to)) ? undefined : this.#transports.get(to)
  }

  /** Lets everybody look, in a later turn, for peers that have become reachable. */
  connectAll(): void {
    this.defer(() => {
      for (const transport of this.#transports.values()) transport.connect()
    })
  }
}

function linkKey(one: string, other: string): string {
  return one < other ? `${one} ${other}` : `${other} ${one}`
}

export class MemoryTransport implements Transport {
  readonly address: string
  readonly #network: MemoryNetwork
  #host: TransportHost | undefined
  #peers: ReadonlyMap<NodeId, string> = new Map()
  readonly #links = new Map<NodeId, OutgoingLink>()
  readonly #retryTimers = new Map<NodeId, NodeJS.Timeout>()
  readonly #closing = new AbortController()

  constructor(network: MemoryNetwork, address: string) {
    this.#network = network
    this.address = address
  }

  async start(host: TransportHost): Promise<void> {
    if (this.#isClosed) throw closedError()
    if (this.#host !== undefined) throw new RaftError('ERR_RAFT_INTERNAL', 'the transport was started twice')
    this.#network.join(this)
    this.#host = host
  }

  setPeers(addresses: ReadonlyMap<NodeId, string>): void {
    this.#peers = new Map(addresses)
    for (const [peer, { to }] of [...this.#links])
      if (this.#peers.get(peer) !== to.address) {
        this.disconnect(to.address, 'no longer a peer')
        to.disconnect(this.address, 'the peer has closed the link')
      }
    this.#network.connectAll()
  }

  send(to: NodeId, message: PeerMessage): boolean {
    const link = this.#links.get(to)
    const bytes = messageBytes(message)
    if (link === undefined || (link.bytes > 0 && link.bytes + bytes > this.#network.windowBytes)) return false
    link.bytes += bytes
    link.messages.push(message)
    if (link.messages.length === 1) this.#network.defer(() => this.#deliver(to, link))
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
    const address = this.#peers.get(from) ?? this.#links.get(from)?.to.address
    const source = address === undefined ? undefined : this.#network.reachable(this.address, address)
    if (source === undefined || this.#host === undefined) throw unreachableError(from)
    try {
      for await (const chunk of source.#read(this.#host.identity, id, offset)) {
        stopped.throwIfAborted()
        if (this.#network.reachable(this.address, source.address) !== source) throw unreachableError(from)
        yield chunk
      }
    } catch (error) {
      throw isRaftError(error) || stopped.aborted ? error : unreachableError(from, error)
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#closing.abort(closedError())
    for (const timer of this.#retryTimers.values()) clearTimeout(timer)
    this.#network.leave(this)
    for (const { to } of [...this.#links.values()]) this.disconnect(to.address, 'closed')
  }

  /** Connects to every peer that is wanted, reachable and not yet connected. Called by the network, in a turn of its own. */
  connect(): void {
    const host = this.#host
    if (host === undefined || this.#isClosed) return
    for (const [id, address] of this.#peers) {
      if (id === host.identity.nodeId || this.#links.has(id) || this.#retryTimers.has(id)) continue
      const peer = this.#network.reachable(this.address, address)
      if (peer !== undefined) this.#connectTo(id, host, peer)
    }
  }

  /** The link to an address is gone, and what was under way on it. */
  disconnect(address: string, reason: string): void {
    for (const [peer, { to }] of [...this.#links])
      if (to.address === address) {
        this.#links.delete(peer)
        this.#host?.peerLost(peer, reason)
      }
  }

  /** This node's snapshot, for a peer that asks. */
  async *#read(requester: PeerIdentity, id: string, offset: number): AsyncGenerator<Uint8Array, void> {
    const host = this.#host
    if (host === undefined || this.#isClosed) throw unreachableError(this.address)
    const refusal = host.admit(requester)
    if (refusal !== undefined) throw refusedError(host.identity.nodeId, refusal)
    for await (const chunk of host.readSnapshot(id, offset)) {
      if (this.#isClosed) throw unreachableError(host.identity.nodeId)
      yield chunk
    }
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted
  }

  #connectTo(id: NodeId, host: TransportHost, peer: MemoryTransport): void {
    const peerHost = peer.#host
    if (peerHost === undefined) return
    const refusedBy = checkConnection(host.identity, id, peerHost)
    const ownRefusal = refusedBy === undefined ? host.admit(peerHost.identity) : undefined
    if (refusedBy !== undefined) host.refusedBy(id, refusedBy)
    if (ownRefusal !== undefined) peerHost.refusedBy(host.identity.nodeId, ownRefusal)
    if (refusedBy !== undefined || ownRefusal !== undefined) return this.#retryLater(id)
    // A host may close its transport in any of these calls.
    if (this.#isClosed || peer.#isClosed) return
    this.#links.set(id, { to: peer, messages: [], bytes: 0 })
    host.peerConnected(id)
    if (this.#isClosed) return
    peer.#links.set(host.identity.nodeId, { to: this, messages: [], bytes: 0 })
    peerHost.peerConnected(host.identity.nodeId)
  }

  #retryLater(peer: NodeId): void {
    const timer = setTimeout(() => {
      this.#retryTimers.delete(peer)
      this.#network.connectAll()
    }, this.#network.refusalPauseMs)
    timer.unref()
    this.#retryTimers.set(peer, timer)
  }

  /** Goes on with what is under way to whoever can be reached again; called by the network. */
  deliverAll(): void {
    for (const [to, link] of this.#links) this.#network.defer(() => this.#deliver(to, link))
  }

  #deliver(to: NodeId, link: OutgoingLink): void {
    if (this.#network.isStalled(this.address, link.to.address)) return
    const own = this.#host?.identity.nodeId
    const receiver = link.to.#host
    for (const message of link.messages.splice(0)) {
      link.bytes -= messageBytes(message)
      if (own !== undefined && this.#links.get(to) === link) receiver?.receive(own, message)
    }
  }
}

/** Whether a node turns away one that came looking for `expected`. */
function checkConnection(caller: PeerIdentity, expected: NodeId, host: TransportHost): Refusal | undefined {
  const { nodeId, clusterId } = host.identity
  const mismatch =
    nodeId === expected ? undefined : { code: 'ERR_RAFT_NODE_MISMATCH', message: `this is ${nodeId}, not ${expected}` }
  if (mismatch !== undefined && caller.clusterId === clusterId) return mismatch
  return host.admit(caller) ?? mismatch
}

function refusedError(peer: NodeId, { code, message }: Refusal): RaftError {
  const known = Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : 'ERR_RAFT_UNREACHABLE'
  return new RaftError(known, `${peer} does not hand out its snapshot: ${message}`)
}

function unreachableError(peer: NodeId, cause?: unknown): RaftError {
  return new RaftError('ERR_RAFT_UNREACHABLE', `fetching a snapshot from ${peer} broke off`, { cause })
}

function closedError(): RaftError {
  return new RaftError('ERR_RAFT_CLOSED', 'the transport is closed')
}
