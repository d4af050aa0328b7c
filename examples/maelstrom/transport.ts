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
import { fromJson, toJson } from './peer-messages.ts'
import type { Body, Message, Post } from './post.ts'
import { SnapshotFetches } from './snapshot-fetches.ts'
import { SnapshotSources } from './snapshot-sources.ts'

export interface MaelstromTransportOptions {
  readonly post: Post
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
  readonly life: string
  readonly identity: PeerIdentity
  bytes: number
  heardAt: number
  readonly broken: AbortController
}

/** Bodies between nodes are of this type; `part` says which. */
export const PEER = 'raft'

export class MaelstromTransport implements Transport {
  readonly address: string
  readonly #post: Post
  readonly #pingMs: number
  readonly #silenceMs: number
  readonly #windowBytes: number
  /** Tells this life of the node from earlier ones: what was meant for those is not for this one. */
  readonly #life: string = randomUUID()
  readonly #links = new Map<NodeId, Link>()
  /** By address: who was let in, and has not said yet that it lets this node in. */
  readonly #welcomed = new Map<string, Omit<Link, 'bytes' | 'heardAt' | 'broken'>>()
  /** Who has refused this node, and until when it is not asked again. */
  readonly #refused = new Map<string, number>()
  readonly #fetches: SnapshotFetches
  readonly #sources: SnapshotSources
  readonly #closing = new AbortController()
  #peers: ReadonlyMap<NodeId, string> = new Map()
  #host: TransportHost | undefined
  #timer: NodeJS.Timeout | undefined
  #beatAt = 0

  constructor({
    post,
    address,
    pingMs = 500,
    silenceMs = 2500,
    windowBytes = 8 * 1024 * 1024,
  }: MaelstromTransportOptions) {
    this.#post = post
    this.address = address
    this.#pingMs = pingMs
    this.#silenceMs = silenceMs
    this.#windowBytes = windowBytes
    this.#fetches = new SnapshotFetches(2 * pingMs)
    this.#sources = new SnapshotSources()
  }

  async start(host: TransportHost): Promise<void> {
    if (this.#closing.signal.aborted) throw closed()
    this.#host = host
    this.#beatAt = performance.now()
    this.#timer = setInterval(() => this.#beat(), this.#pingMs)
  }

  setPeers(addresses: ReadonlyMap<NodeId, string>): void {
    this.#peers = new Map(addresses)
    for (const [id, { address }] of [...this.#links])
      if (addresses.get(id) !== address) this.#end(id, 'no longer a peer')
    if (this.#host !== undefined) this.#greet()
  }

  send(to: NodeId, message: PeerMessage): boolean {
    const link = this.#links.get(to)
    const bytes = messageBytes(message)
    if (link === undefined || (link.bytes > 0 && link.bytes + bytes > this.#windowBytes)) return false
    link.bytes += bytes
    this.#say(link, { part: 'message', message: toJson(message) }, () => {
      link.bytes -= bytes
    })
    return true
  }

  fetchSnapshot(from: NodeId, id: string, offset: number, signal: AbortSignal): AsyncIterable<Uint8Array> {
    const link = this.#links.get(from)
    const stopped = AbortSignal.any([signal, this.#closing.signal, ...(link === undefined ? [] : [link.broken.signal])])
    if (link === undefined && !stopped.aborted) return this.#fetches.unreachable(from)
    return this.#fetches.fetch(id, offset, stopped, (body) => {
      if (link !== undefined) this.#say(link, body)
    })
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    clearInterval(this.#timer)
    for (const link of this.#links.values()) this.#say(link, { part: 'bye', of: link.life })
    this.#closing.abort(closed())
    this.#links.clear()
    this.#host = undefined
    await this.#sources.close()
  }

  /** From time to time: signs of life, the end of silent links, and another try where there is no link. */
  #beat(): void {
    const now = performance.now()
    // While this process did not run, it could not hear: that is not the peers' silence.
    const sleptMs = Math.max(0, now - this.#beatAt - this.#pingMs)
    this.#beatAt = now
    for (const [id, link] of [...this.#links]) {
      link.heardAt += sleptMs
      if (now - link.heardAt > this.#silenceMs) this.#end(id, `not heard for ${this.#silenceMs} ms`)
      else this.#say(link, { part: 'ping' })
    }
    this.#greet()
  }

  #greet(): void {
    for (const [id, address] of this.#peers) {
      if (this.#links.has(id) || (this.#refused.get(address) ?? 0) > performance.now()) continue
      if (id !== this.#host?.identity.nodeId) this.#tell(address, { part: 'hello', expected: id, ...this.#card() })
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
    const refusal = misplaced(host, body.expected) ?? host.admit(identity)
    if (this.#closing.signal.aborted) return
    if (refusal !== undefined) return this.#tell(src, { part: 'refusal', peer: body.expected, refusal })
    if (this.#links.get(identity.nodeId)?.life !== body.life)
      this.#welcomed.set(src, { address: src, life: body.life as string, identity })
    this.#tell(src, { part: 'welcome', to: body.life, ...this.#card() })
  }

  #onWelcome(host: TransportHost, src: string, body: Body): void {
    if (body.to !== this.#life) return
    const identity = body.identity as PeerIdentity
    const refusal = host.admit(identity)
    if (this.#closing.signal.aborted) return
    if (refusal !== undefined) return this.#tell(src, { part: 'refusal', peer: host.identity.nodeId, refusal })
    this.#open(host, { address: src, life: body.life as string, identity })
    this.#tell(src, { part: 'ready', to: body.life, life: this.#life })
  }

  #onRefusal(host: TransportHost, src: string, body: Body): void {
    this.#refused.set(src, performance.now() + 2 * this.#pingMs)
    this.#welcomed.delete(src)
    const peer = body.peer as NodeId
    if (this.#links.get(peer)?.address === src) this.#end(peer, 'refused')
    host.refusedBy(peer, body.refusal as Refusal)
  }

  /** The peer knows of no link with the life that is named. */
  #onBye(src: string, body: Body): void {
    for (const [id, { address, life }] of [...this.#links])
      if (address === src && (life === body.life || life === body.of)) this.#end(id, 'the peer has ended the link')
  }

  #onLink(host: TransportHost, src: string, body: Body): void {
    const welcomed = this.#welcomed.get(src)
    if (welcomed !== undefined && welcomed.life === body.life && body.to === this.#life) this.#open(host, welcomed)
    const [id, link] = [...this.#links].find(([, { address, life }]) => address === src && life === body.life) ?? []
    if (id === undefined || link === undefined || body.to !== this.#life)
      return this.#tell(src, { part: 'bye', of: body.to, life: this.#life })
    link.heardAt = performance.now()
    if (body.part === 'message') {
      const message = fromJson(body.message)
      if (message !== undefined) host.receive(id, message)
    } else if (body.part === 'fetch') {
      const answer = (said: Omit<Body, 'type'>): void => this.#say(link, said)
      this.#sources.asked(id, body, () => host.admit(link.identity), host, answer)
    } else if (body.part === 'fetchEnd') this.#sources.end(id, body.fetch)
    else if (body.part === 'chunk') this.#fetches.arrived(body)
  }

  #open(host: TransportHost, found: Omit<Link, 'bytes' | 'heardAt' | 'broken'>): void {
    const { nodeId } = found.identity
    this.#welcomed.delete(found.address)
    const known = this.#links.get(nodeId)
    if (known?.life === found.life) return
    if (known !== undefined) this.#end(nodeId, 'the peer has begun a new life')
    this.#links.set(nodeId, { ...found, bytes: 0, heardAt: performance.now(), broken: new AbortController() })
    host.peerConnected(nodeId)
  }

  #end(id: NodeId, reason: string): void {
    const link = this.#links.get(id)
    if (link === undefined) return
    this.#links.delete(id)
    this.#say(link, { part: 'bye', of: link.life })
    link.broken.abort(new RaftError('ERR_RAFT_UNREACHABLE', `the link to ${id} is lost: ${reason}`))
    this.#sources.end(id)
    this.#host?.peerLost(id, reason)
  }

  #card(): { readonly identity: PeerIdentity | undefined; readonly life: string } {
    return { identity: this.#host?.identity, life: this.#life }
  }

  #say(link: Link, body: Readonly<Record<string, unknown>>, sent?: () => void): void {
    this.#tell(link.address, { life: this.#life, to: link.life, ...body }, sent)
  }

  #tell(dest: string, body: Readonly<Record<string, unknown>>, sent?: () => void): void {
    this.#post.send({ src: this.address, dest, body: { type: PEER, ...body } }, sent)
  }
}

function misplaced({ identity }: TransportHost, expected: unknown): Refusal | undefined {
  if (expected === identity.nodeId) return undefined
  return { code: 'ERR_RAFT_NODE_MISMATCH', message: `this is ${identity.nodeId}, not ${String(expected)}` }
}

function closed(): RaftError {
  return new RaftError('ERR_RAFT_CLOSED', 'the transport is closed')
}
