/** Lets in whoever opens a stream to this node, once he has said who he is and the host admits him. */
import type { ServerDuplexStream } from '@grpc/grpc-js'
import { status } from '@grpc/grpc-js'
import type { Refusal, TransportHost } from '../contracts/transport.ts'
import type { NodeId } from '../core/types.ts'
import type { Frame, Hello } from './codec.ts'
import { greeting, judge, refuse } from './handshake.ts'
import { acceptedCall } from './peer-call.ts'
import type { PeerLink } from './peer-link.ts'
import { PeerStream } from './peer-stream.ts'
import type { GrpcTransportLimits } from './transport-options.ts'

export interface PeerAcceptorParts {
  readonly host: TransportHost
  /** What this node gives as its own address. */
  readonly address: () => string
  /** The link to a peer, made if there is none. */
  readonly link: (peer: NodeId) => PeerLink
  readonly limits: GrpcTransportLimits
}

interface Remembered {
  readonly refusal: Refusal
  readonly until: number
}

/** The most refusals remembered; the oldest are forgotten. */
const REMEMBERED_MAX = 256

export class PeerAcceptor {
  readonly #parts: PeerAcceptorParts
  /** Streams whose greeting is awaited, and until when. */
  readonly #waiting = new Map<PeerStream, NodeJS.Timeout>()
  readonly #remembered = new Map<string, Remembered>()
  #isClosed = false

  constructor(parts: PeerAcceptorParts) {
    this.#parts = parts
  }

  accept(call: ServerDuplexStream<Buffer, Buffer>): void {
    const { limits } = this.#parts
    const stream = new PeerStream(acceptedCall(call), limits, {
      onFrame: (frame) => this.#onGreeting(stream, frame),
      onEnd: () => this.#forget(stream),
      onMalformed: (refusal) => this.#turnAway(stream, refusal),
    })
    if (this.#isClosed) return stream.end(status.UNAVAILABLE, 'this node is closing')
    if (this.#waiting.size >= limits.handshakesMax)
      return stream.end(status.RESOURCE_EXHAUSTED, `${limits.handshakesMax} streams have not yet said who they are`)
    const timeout = setTimeout(() => this.#giveUp(stream), limits.handshakeTimeoutMs)
    this.#waiting.set(stream, timeout)
  }

  /** Whether whoever sent this greeting is to be turned away; the answer holds for a while, however often he asks. */
  judge(hello: Hello): Refusal | undefined {
    const key = JSON.stringify([hello.clusterId, hello.nodeId, hello.directoryId, hello.receiverId])
    const remembered = this.#remembered.get(key)
    const now = performance.now()
    if (remembered !== undefined && now < remembered.until) return remembered.refusal
    this.#remembered.delete(key)
    const refusal = judge(this.#parts.host, hello)
    if (refusal !== undefined) this.#remember(key, { refusal, until: now + this.#parts.limits.refusalMemoryMs })
    return refusal
  }

  close(): void {
    this.#isClosed = true
    for (const stream of [...this.#waiting.keys()]) {
      this.#forget(stream)
      stream.end(status.UNAVAILABLE, 'this node is closing')
    }
  }

  #onGreeting(stream: PeerStream, frame: Frame): void {
    if (frame.type !== 'hello')
      return this.#turnAway(stream, refuse('ERR_RAFT_BAD_MESSAGE', `${frame.type} before a greeting`))
    const { hello } = frame
    const refusal = this.judge(hello)
    if (refusal !== undefined) return this.#turnAway(stream, refusal)
    const link = this.#parts.link(hello.nodeId)
    const conflict = link.conflict(hello)
    if (conflict !== undefined) return this.#turnAway(stream, conflict)
    this.#forget(stream)
    stream.say({ type: 'hello', hello: greeting(this.#parts.host, this.#parts.address(), hello.nodeId) })
    link.attach('accepted', { stream, hello, ended: () => undefined })
  }

  #turnAway(stream: PeerStream, refusal: Refusal): void {
    this.#forget(stream)
    stream.refuse(refusal)
  }

  #giveUp(stream: PeerStream): void {
    this.#forget(stream)
    stream.end(status.DEADLINE_EXCEEDED, `no greeting within ${this.#parts.limits.handshakeTimeoutMs} ms`)
  }

  #forget(stream: PeerStream): void {
    clearTimeout(this.#waiting.get(stream))
    this.#waiting.delete(stream)
  }

  #remember(key: string, remembered: Remembered): void {
    this.#remembered.set(key, remembered)
    if (this.#remembered.size <= REMEMBERED_MAX) return
    const oldest = this.#remembered.keys().next()
    if (!oldest.done) this.#remembered.delete(oldest.value)
  }
}
