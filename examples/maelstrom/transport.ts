/** Quorate's transport contract over Maelstrom's messages, which know no connections: a link is what two nodes have agreed on and keep alive. */
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
  /** This node's name in the network. */
  readonly address: string
  /** A link without anything else to carry carries a sign of life this often. */
  readonly pingMs?: number
  /** A link over which nothing was heard for so long is lost. */
  readonly silenceMs?: number
  /** The most bytes handed in for one peer that have not left this process yet. */
  readonly windowBytes?: number
}

interface Link {
  readonly address: string
  /** The life of the peer that this link is with. */
  readonly incarnation: string
  readonly identity: PeerIdentity
  bytes: number
  heardAt: number
  readonly broken: AbortController
}

/** Bodies between nodes are of this type; `part` says which. */
export const PEER_BODY_TYPE = 'raft'

export class MaelstromTransport implements Transport {
  readonly address: string
  readonly #stream: MessageStream
  readonly #pingMs: number
  readonly #linkTimeoutMs: number
  readonly #windowBytes: number
  /** Tells this life of the node from earlier ones: what was meant for those is not for this one. */
  readonly #incarnation: string = randomUUID()
  readonly #links = new Map<NodeId, Link>()
  /** By address: who was let in, and has not said yet that it lets this node in. */
  readonly #halfOpen = new Map<string, Omit<Link, 'bytes' | 'heardAt' | 'broken'>>()
  /** Who has refused this node, and until when it is not asked again. */
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
    silenceMs = 2500,
    windowBytes = 8 * 1024 * 1024,
  }: MaelstromTransportOptions) {
    this.#stream = stream
    this.address = address
    this.#pingMs = pingMs
    this.#linkTimeoutMs = silenceMs
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
    const stopped = AbortSignal.any([signal, this.#closing.signal, ...(link === undefined ? [] : [link.broken.signal])])
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

  /** From time to time: signs of life, the end of silent links, and another try where there is no link. */
  #tick(): void {
    const now = performance.now()
    // While this process did not run, it could not hear: that is not the peers' silence.
    const sleptMs = Math.max(0, now - this.#lastTickAt - this.#pingMs)
    this.#lastTickAt = now
    for (const [id, link] of [...this.#links]) {
      link.heardAt += sleptMs
      if (now - link.heardAt > this.#linkTimeoutMs) this.#end(id, `not heard for ${this.#linkTimeoutMs} ms`)
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

  /** What came for this node with a body of type `PEER`. */
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

  /** The peer knows of no link with the life that is named. */
  #onBye(src: string, body: Body): void {
    for (const [id, { address, incarnation }] of [...this.#links])
      if (address === src && (incarnation === body.life || incarnation === body.of))
        this.#end(id, 'the peer has ended the link')
  }

  #onLink(host: TransportHost, src: string, body: Body): void {
    const halfOpen = this.#halfOpen.get(src)
    if (halfOpen !== undefined && halfOpen.incarnation === body.life && body.to === this.#incarnation)
      this.#open(host, halfOpen)
    const [id, link] =
      [...this.#links].find(([, { address, incarnation }]) => address === src && incarnation === body.life) ?? []
    if (id === undefined || link === undefined || body.to !== this.#incarnation)
      return this.#sendTo(src, { part: 'bye', of: body.to, life: this.#incarnation })
    link.heardAt = performance.now()
    if (body.part === 'message') {
      const message = fromJson(body.message)
      if (message !== undefined) host.receive(id, message)
    } else if (body.part === 'fetch') {
      const answer = (said: Omit<Body, 'type'>): void => this.#sendOnLink(link, said)
      this.#sources.onRequest(id, body, () => host.admit(link.identity), host, answer)
    } else if (body.part === 'fetchEnd') this.#sources.end(id, body.fetch)
    else if (body.part === 'chunk') this.#fetches.onChunk(body)
  }

  #open(host: TransportHost, found: Omit<Link, 'bytes' | 'heardAt' | 'broken'>): void {
    const { nodeId } = found.identity
    this.#halfOpen.delete(found.address)
    const known = this.#links.get(nodeId)
    if (known?.incarnation === found.incarnation) return
    if (known !== undefined) this.#end(nodeId, 'the peer has begun a new life')
    this.#links.set(nodeId, { ...found, bytes: 0, heardAt: performance.now(), broken: new AbortController() })
    host.peerConnected(nodeId)
  }

  #end(id: NodeId, reason: string): void {
    const link = this.#links.get(id)
    if (link === undefined) return
    this.#links.delete(id)
    this.#sendOnLink(link, { part: 'bye', of: link.incarnation })
    link.broken.abort(new RaftError('ERR_RAFT_UNREACHABLE', `the link to ${id} is lost: ${reason}`))
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
