/** Implements the transport contract over Maelstrom's messages. Because they have no connections, two nodes agree on a link and keep it alive. */
import { randomUUID } from 'node:crypto'
import {
  messageBytes,
  type NodeId,
  type PeerIdentity,
  type PeerMessage,
  RaftError,
  type Refusal,
  type Transport,
  type TransportHost,
} from 'quorate'
import type { Body, Message, MessageStream } from './message-stream.ts'
import { fromJson, toJson } from './peer-messages.ts'
import { SnapshotFetches } from './snapshot-fetches.ts'
import { SnapshotSources } from './snapshot-sources.ts'

export interface MaelstromTransportOptions {
  readonly stream: MessageStream
  /** The name of this node in the network. */
  readonly address: string
  /** The interval of pings on every link. */
  readonly pingMs?: number
  /** A link is lost if nothing was received for this long. */
  readonly linkTimeoutMs?: number
  /** The maximum number of bytes for one peer that have not left this process. */
  readonly windowBytes?: number
}

interface Link {
  readonly address: string
  /** The incarnation of the peer at the other end. */
  readonly incarnation: string
  readonly identity: PeerIdentity
  bytes: number
  lastReceivedAt: number
  /** Aborted when the link is lost. */
  readonly lost: AbortController
}

/** The body type of all messages between nodes; the field `part` distinguishes them. */
export const PEER_BODY_TYPE = 'raft'

export class MaelstromTransport implements Transport {
  readonly address: string
  readonly #stream: MessageStream
  readonly #pingMs: number
  readonly #linkTimeoutMs: number
  readonly #windowBytes: number
  /** Distinguishes this process from earlier ones of the node, whose messages must be ignored. */
  readonly #incarnation: string = randomUUID()
  readonly #links = new Map<NodeId, Link>()
  /** Peers, by address, that this node has admitted and that have not yet admitted this node. */
  readonly #halfOpen = new Map<string, Omit<Link, 'bytes' | 'lastReceivedAt' | 'lost'>>()
  /** Addresses that have rejected this node, and when to try again. */
  readonly #rejectedUntil = new Map<string, number>()
  readonly #fetches: SnapshotFetches
  readonly #sources: SnapshotSources
  readonly #closing = new AbortController()
  #peers: ReadonlyMap<NodeId, string> = new Map()
  #host: TransportHost | undefined
  #timer: NodeJS.Timeout | undefined
  #lastTickAt = 0

  constructor({
    stream,
    address,
    pingMs = 500,
    linkTimeoutMs = 2500,
    windowBytes = 8 * 1024 * 1024,
  }: MaelstromTransportOptions) {
    this.#stream = stream
    this.address = address
    this.#pingMs = pingMs
    this.#linkTimeoutMs = linkTimeoutMs
    this.#windowBytes = windowBytes
    this.#fetches = new SnapshotFetches(2 * pingMs)
    this.#sources = new SnapshotSources()
  }

  async start(host: TransportHost): Promise<void> {
    if (this.#closing.signal.aborted) throw closedError()
    this.#host = host
    this.#lastTickAt = performance.now()
    this.#timer = setInterval(() => this.#tick(), this.#pingMs)
  }

  setPeers(addresses: ReadonlyMap<NodeId, string>): void {
    this.#peers = new Map(addresses)
    for (const [id, { address }] of [...this.#links])
      if (addresses.get(id) !== address) this.#end(id, 'no longer a peer')
    if (this.#host !== undefined) this.#sendHellos()
  }

  send(to: NodeId, message: PeerMessage): boolean {
    const link = this.#links.get(to)
    const bytes = messageBytes(message)
    if (link === undefined || (link.bytes > 0 && link.bytes + bytes > this.#windowBytes)) return false
    link.bytes += bytes
    this.#sendOnLink(link, { part: 'message', message: toJson(message) }, () => {
      link.bytes -= bytes
    })
    return true
  }

  fetchSnapshot(from: NodeId, id: string, offset: number, signal: AbortSignal): AsyncIterable<Uint8Array> {
    const link = this.#links.get(from)
    const stopped = AbortSignal.any([signal, this.#closing.signal, ...(link === undefined ? [] : [link.lost.signal])])
    if (link === undefined && !stopped.aborted) return this.#fetches.unreachable(from)
    return this.#fetches.fetch(id, offset, stopped, (body) => {
      if (link !== undefined) this.#sendOnLink(link, body)
    })
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    clearInterval(this.#timer)
    for (const link of this.#links.values()) this.#sendOnLink(link, { part: 'bye', of: link.incarnation })
    this.#closing.abort(closedError())
    this.#links.clear()
    this.#host = undefined
    await this.#sources.close()
  }

  /** Sends pings, ends silent links, and tries to connect to peers without a link. */
  #tick(): void {
    const now = performance.now()
    // A time in which this process was paused does not count as silence of the peers.
    const sleptMs = Math.max(0, now - this.#lastTickAt - this.#pingMs)
    this.#lastTickAt = now
    for (const [id, link] of [...this.#links]) {
      link.lastReceivedAt += sleptMs
      if (now - link.lastReceivedAt > this.#linkTimeoutMs)
        this.#end(id, `nothing received for ${this.#linkTimeoutMs} ms`)
      else this.#sendOnLink(link, { part: 'ping' })
    }
    this.#sendHellos()
  }

  #sendHellos(): void {
    for (const [id, address] of this.#peers) {
      if (this.#links.has(id) || (this.#rejectedUntil.get(address) ?? 0) > performance.now()) continue
      if (id !== this.#host?.identity.nodeId) this.#sendTo(address, { part: 'hello', expected: id, ...this.#hello() })
    }
  }

  /** Handles a message whose body has the type `PEER_BODY_TYPE`. */
  receive({ src, body }: Message): void {
    const host = this.#host
    if (host === undefined) return
    switch (body.part) {
      case 'hello':
        return this.#onHello(host, src, body)
      case 'welcome':
        return this.#onWelcome(host, src, body)
      case 'refusal':
        return this.#onRefusal(host, src, body)
      case 'bye':
        return this.#onBye(src, body)
      default:
        return this.#onLink(host, src, body)
    }
  }

  #onHello(host: TransportHost, src: string, body: Body): void {
    const identity = body.identity as PeerIdentity
    const refusal = wrongNode(host, body.expected) ?? host.admit(identity)
    if (this.#closing.signal.aborted) return
    if (refusal !== undefined) return this.#sendTo(src, { part: 'refusal', peer: body.expected, refusal })
    if (this.#links.get(identity.nodeId)?.incarnation !== body.life)
      this.#halfOpen.set(src, { address: src, incarnation: body.life as string, identity })
    this.#sendTo(src, { part: 'welcome', to: body.life, ...this.#hello() })
  }

  #onWelcome(host: TransportHost, src: string, body: Body): void {
    if (body.to !== this.#incarnation) return
    const identity = body.identity as PeerIdentity
    const refusal = host.admit(identity)
    if (this.#closing.signal.aborted) return
    if (refusal !== undefined) return this.#sendTo(src, { part: 'refusal', peer: host.identity.nodeId, refusal })
    this.#open(host, { address: src, incarnation: body.life as string, identity })
    this.#sendTo(src, { part: 'ready', to: body.life, life: this.#incarnation })
  }

  #onRefusal(host: TransportHost, src: string, body: Body): void {
    this.#rejectedUntil.set(src, performance.now() + 2 * this.#pingMs)
    this.#halfOpen.delete(src)
    const peer = body.peer as NodeId
    if (this.#links.get(peer)?.address === src) this.#end(peer, 'refused')
    host.refusedBy(peer, body.refusal as Refusal)
  }

  /** The peer has ended the link, or has no link with the named incarnation. */
  #onBye(src: string, body: Body): void {
    for (const [id, { address, incarnation }] of [...this.#links])
      if (address === src && (incarnation === body.life || incarnation === body.of))
        this.#end(id, 'the peer ended the link')
  }

  #onLink(host: TransportHost, src: string, body: Body): void {
    const halfOpen = this.#halfOpen.get(src)
    if (halfOpen !== undefined && halfOpen.incarnation === body.life && body.to === this.#incarnation)
      this.#open(host, halfOpen)
    const [id, link] =
      [...this.#links].find(([, { address, incarnation }]) => address === src && incarnation === body.life) ?? []
    if (id === undefined || link === undefined || body.to !== this.#incarnation)
      return this.#sendTo(src, { part: 'bye', of: body.to, life: this.#incarnation })
    link.lastReceivedAt = performance.now()
    if (body.part === 'message') {
      const message = fromJson(body.message)
      if (message !== undefined) host.receive(id, message)
    } else if (body.part === 'fetch') {
      const answer = (response: Omit<Body, 'type'>): void => this.#sendOnLink(link, response)
      this.#sources.onRequest(id, body, () => host.admit(link.identity), host, answer)
    } else if (body.part === 'fetchEnd') this.#sources.end(id, body.fetch)
    else if (body.part === 'chunk') this.#fetches.onChunk(body)
  }

  #open(host: TransportHost, found: Omit<Link, 'bytes' | 'lastReceivedAt' | 'lost'>): void {
    const { nodeId } = found.identity
    this.#halfOpen.delete(found.address)
    const existing = this.#links.get(nodeId)
    if (existing?.incarnation === found.incarnation) return
    if (existing !== undefined) this.#end(nodeId, 'the peer was restarted')
    this.#links.set(nodeId, { ...found, bytes: 0, lastReceivedAt: performance.now(), lost: new AbortController() })
    host.peerConnected(nodeId)
  }

  #end(id: NodeId, reason: string): void {
    const link = this.#links.get(id)
    if (link === undefined) return
    this.#links.delete(id)
    this.#sendOnLink(link, { part: 'bye', of: link.incarnation })
    link.lost.abort(new RaftError('ERR_RAFT_UNREACHABLE', `the link to ${id} is lost: ${reason}`))
    this.#sources.end(id)
    this.#host?.peerLost(id, reason)
  }

  #hello(): { readonly identity: PeerIdentity | undefined; readonly life: string } {
    return { identity: this.#host?.identity, life: this.#incarnation }
  }

  #sendOnLink(link: Link, body: Readonly<Record<string, unknown>>, sent?: () => void): void {
    this.#sendTo(link.address, { life: this.#incarnation, to: link.incarnation, ...body }, sent)
  }

  #sendTo(dest: string, body: Readonly<Record<string, unknown>>, sent?: () => void): void {
    this.#stream.send({ src: this.address, dest, body: { type: PEER_BODY_TYPE, ...body } }, sent)
  }
}

function wrongNode({ identity }: TransportHost, expected: unknown): Refusal | undefined {
  if (expected === identity.nodeId) return undefined
  return { code: 'ERR_RAFT_NODE_MISMATCH', message: `this is ${identity.nodeId}, not ${String(expected)}` }
}

function closedError(): RaftError {
  return new RaftError('ERR_RAFT_CLOSED', 'the transport is closed')
}
