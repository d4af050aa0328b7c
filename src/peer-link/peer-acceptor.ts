/** Accepts incoming peer streams after a successful handshake. */
import type { Caller } from '../access/caller.ts'
import type { Refusal, TransportHost } from '../contracts/transport.ts'
import type { NodeId } from '../core/types.ts'
import type { Frame, Hello } from './frames.ts'
import { checkHello, makeHello, makeRefusal } from './handshake.ts'
import type { PeerLinkLimits } from './limits.ts'
import type { PeerCall } from './peer-call.ts'
import type { PeerLink } from './peer-link.ts'
import { PeerStream } from './peer-stream.ts'

export interface PeerAcceptorParts {
  readonly host: TransportHost
  /** The address at which peers reach this node. */
  readonly address: () => string
  /** Returns the link to a peer; creates it if there is none. */
  readonly link: (peer: NodeId) => PeerLink
  /** Called when a peer has connected to this node. */
  readonly onAccepted: (peer: NodeId) => void
  readonly limits: PeerLinkLimits
  /** Why a caller is not the node that its hello names, or undefined. */
  readonly identityRefusal: (caller: Caller, hello: Hello) => Refusal | undefined
}

interface CachedRefusal {
  readonly refusal: Refusal
  readonly until: number
}

/** The most refusals in the cache; the oldest is evicted. */
const CACHED_REFUSALS_MAX = 256

export class PeerAcceptor {
  readonly #parts: PeerAcceptorParts
  /** Streams that have not sent a hello yet, with the timer that ends each. */
  readonly #handshakes = new Map<PeerStream, NodeJS.Timeout>()
  readonly #cachedRefusals = new Map<string, CachedRefusal>()
  #isClosed = false

  constructor(parts: PeerAcceptorParts) {
    this.#parts = parts
  }

  /** `onGreeted` is called when a peer has been accepted on the call. */
  accept(call: PeerCall, onGreeted: () => void): void {
    const { limits } = this.#parts
    const stream = new PeerStream(call, limits, {
      onFrame: (frame) => this.#onFirstFrame(stream, frame, call.caller, onGreeted),
      onEnd: () => this.#endHandshake(stream),
      onMalformed: (refusal) => this.#reject(stream, refusal),
    })
    if (this.#isClosed) return stream.end('closing', 'this node is closing')
    if (this.#handshakes.size >= limits.handshakesMax) this.#endOldestHandshake()
    const timeout = setTimeout(() => this.#onTimeout(stream), limits.handshakeTimeoutMs)
    this.#handshakes.set(stream, timeout)
  }

  /** Returns why the sender of a hello is rejected, or undefined. A refusal is cached for `refusalMemoryMs`. */
  checkHello(hello: Hello, caller: Caller): Refusal | undefined {
    const stranger = this.#parts.identityRefusal(caller, hello)
    if (stranger !== undefined) return stranger
    const key = JSON.stringify([hello.clusterId, hello.nodeId, hello.directoryId, hello.boot?.id, hello.receiverId])
    const cached = this.#cachedRefusals.get(key)
    const now = performance.now()
    if (cached !== undefined && now < cached.until) return cached.refusal
    this.#cachedRefusals.delete(key)
    const refusal = checkHello(this.#parts.host, hello)
    if (refusal !== undefined) this.#cacheRefusal(key, { refusal, until: now + this.#parts.limits.refusalMemoryMs })
    return refusal
  }

  close(): void {
    this.#isClosed = true
    for (const stream of [...this.#handshakes.keys()]) {
      this.#endHandshake(stream)
      stream.end('closing', 'this node is closing')
    }
  }

  #onFirstFrame(stream: PeerStream, frame: Frame, caller: Caller, onGreeted: () => void): void {
    if (frame.type !== 'hello')
      return this.#reject(stream, makeRefusal('ERR_RAFT_BAD_MESSAGE', `${frame.type} before a hello`))
    const { hello } = frame
    const refusal = this.checkHello(hello, caller)
    if (refusal !== undefined) return this.#reject(stream, refusal)
    const link = this.#parts.link(hello.nodeId)
    const conflict = link.identityConflict(hello)
    if (conflict !== undefined) return this.#reject(stream, conflict)
    this.#endHandshake(stream)
    stream.writeNow({ type: 'hello', hello: makeHello(this.#parts.host, this.#parts.address(), hello.nodeId) })
    link.attach('accepted', { stream, hello, onEnded: () => undefined })
    onGreeted()
    this.#parts.onAccepted(hello.nodeId)
  }

  #reject(stream: PeerStream, refusal: Refusal): void {
    this.#endHandshake(stream)
    stream.reject(refusal)
  }

  #onTimeout(stream: PeerStream): void {
    this.#endHandshake(stream)
    stream.end('timeout', `no hello within ${this.#parts.limits.handshakeTimeoutMs} ms`)
  }

  /** The hello of a peer arrives at once. Callers that stay silent must not keep its place. */
  #endOldestHandshake(): void {
    const oldest = this.#handshakes.keys().next()
    if (oldest.done) return
    this.#endHandshake(oldest.value)
    oldest.value.end('busy', `too many handshakes pending (${this.#parts.limits.handshakesMax})`)
  }

  #endHandshake(stream: PeerStream): void {
    clearTimeout(this.#handshakes.get(stream))
    this.#handshakes.delete(stream)
  }

  #cacheRefusal(key: string, cached: CachedRefusal): void {
    this.#cachedRefusals.set(key, cached)
    if (this.#cachedRefusals.size <= CACHED_REFUSALS_MAX) return
    const oldest = this.#cachedRefusals.keys().next()
    if (!oldest.done) this.#cachedRefusals.delete(oldest.value)
  }
}
