/** The link to one peer: up to one stream from each side, the choice of the one to send on, and the events for the host. */
import type { PeerMessage, Refusal, TransportHost } from '../contracts/transport.ts'
import type { NodeId } from '../core/types.ts'
import type { Frame, Hello } from './frames.ts'
import { makeRefusal } from './handshake.ts'
import type { EndReason } from './peer-call.ts'
import type { PeerStream } from './peer-stream.ts'

/** Which node opened a stream: the peer ('accepted') or this node ('dialled'). */
export type Side = 'accepted' | 'dialled'

interface Established {
  readonly stream: PeerStream
  readonly hello: Hello
  readonly onEnded: () => void
}

export interface PeerLinkParts {
  readonly peer: NodeId
  readonly host: TransportHost
  /** Called when one of the two nodes rejects the other: reconnecting should wait. */
  readonly onRejected: (refusal: Refusal) => void
  /** How long to wait before sending on the other stream after one has broken: usually both break together. */
  readonly failoverDelayMs: number
}

/**
 * Sends on the stream that the peer opened if there is one, otherwise on this node's own: in grpc-js only the node that opens a
 * connection can enlarge its receive window. The host sees one link: connected when there is a stream to send on, lost when that
 * stream breaks.
 */
export class PeerLink {
  readonly #parts: PeerLinkParts
  readonly #streams: { accepted?: Established | undefined; dialled?: Established | undefined } = {}
  #sending: PeerStream | undefined
  #failoverTimer: NodeJS.Timeout | undefined

  constructor(parts: PeerLinkParts) {
    this.#parts = parts
  }

  /** The address in the peer's hello, if it is connected. */
  get address(): string | undefined {
    return (this.#streams.accepted ?? this.#streams.dialled)?.hello.address
  }

  /** Rejects a hello with this peer's id and another directory id while the peer is connected. */
  identityConflict({ nodeId, directoryId }: Hello): Refusal | undefined {
    const connected = (this.#streams.accepted ?? this.#streams.dialled)?.hello.directoryId
    if (connected === undefined || connected === directoryId) return undefined
    return makeRefusal('ERR_RAFT_DUPLICATE_NODE', `another ${nodeId}, with another data directory, is connected`)
  }

  send(message: PeerMessage): boolean {
    return this.#sending?.send(message) ?? false
  }

  /** Takes over a stream after its handshake and replaces the older one of that side. Calls `onEnded` once it has ended. */
  attach(side: Side, established: Established): void {
    const { stream } = established
    const previous = this.#streams[side]
    this.#streams[side] = established
    this.#endStreamOfEarlierBoot(side === 'accepted' ? 'dialled' : 'accepted', established.hello)
    stream.setListener({
      onFrame: (frame) => this.#onFrame(stream, frame),
      onEnd: (reason) => this.#remove(side, stream, reason),
      onMalformed: (refusal) => this.#onProtocolError(stream, refusal),
    })
    previous?.stream.end('cancelled', 'replaced by a newer stream of this peer')
    if (previous !== undefined && this.#sending === previous.stream) this.#onLost('the peer has reconnected')
    previous?.onEnded()
    this.#selectStream()
  }

  /** The peer has restarted, or a copy of its directory has taken its place: both streams must lead to the same process. */
  #endStreamOfEarlierBoot(side: Side, { boot }: Hello): void {
    const other = this.#streams[side]
    if (other === undefined || other.hello.boot?.id === boot?.id) return
    other.stream.end('cancelled', 'the peer has restarted')
    this.#remove(side, other.stream, 'the peer has restarted')
  }

  /** Ends both streams. */
  close(code: EndReason, reason: string): void {
    const { accepted, dialled } = this.#streams
    clearTimeout(this.#failoverTimer)
    this.#streams.accepted = undefined
    this.#streams.dialled = undefined
    accepted?.stream.end(code, reason)
    dialled?.stream.end(code, reason)
    this.#onLost(reason)
    accepted?.onEnded()
    dialled?.onEnded()
  }

  /** Ends the stream that this node opened, if there is one. */
  closeDialled(reason: string): void {
    const { dialled } = this.#streams
    dialled?.stream.end('cancelled', reason)
    if (dialled !== undefined) this.#remove('dialled', dialled.stream, reason)
  }

  #onFrame(stream: PeerStream, frame: Frame): void {
    const { peer, host } = this.#parts
    if (frame.type === 'messages') {
      for (const message of frame.messages) if (!stream.isEnded) host.receive(peer, message)
      return
    }
    if (frame.type === 'hello')
      return this.#onProtocolError(stream, { code: 'ERR_RAFT_BAD_MESSAGE', message: 'a second hello' })
    this.#parts.onRejected(frame.refusal)
    host.refusedBy(peer, frame.refusal)
    this.close('done', `refused by ${peer}: ${frame.refusal.message}`)
  }

  /** Reports a protocol error to the peer and ends both streams. */
  #onProtocolError(stream: PeerStream, refusal: Refusal): void {
    stream.reject(refusal)
    this.#parts.onRejected(refusal)
    this.close('failed', `${refusal.code}: ${refusal.message}`)
  }

  #remove(side: Side, stream: PeerStream, reason: string): void {
    const established = this.#streams[side]
    if (established?.stream !== stream) return
    this.#streams[side] = undefined
    const wasSending = this.#sending === stream
    if (wasSending) this.#onLost(reason)
    established.onEnded()
    if (wasSending) this.#failoverTimer = setTimeout(() => this.#selectStream(), this.#parts.failoverDelayMs)
  }

  #onLost(reason: string): void {
    if (this.#sending === undefined) return
    this.#sending = undefined
    this.#parts.host.peerLost(this.#parts.peer, reason)
  }

  #selectStream(): void {
    clearTimeout(this.#failoverTimer)
    const wasIdle = this.#sending === undefined
    this.#sending = (this.#streams.accepted ?? this.#streams.dialled)?.stream
    if (wasIdle && this.#sending !== undefined) this.#parts.host.peerConnected(this.#parts.peer)
  }
}
