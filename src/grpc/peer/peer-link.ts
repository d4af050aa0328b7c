/** The link to one peer: the streams that both have opened, which of them is sent on, and what the host hears of it. */
import { status } from '@grpc/grpc-js'
import type { PeerMessage, Refusal, TransportHost } from '../../contracts/transport.ts'
import type { NodeId } from '../../core/types.ts'
import type { Frame, Hello } from './codec.ts'
import { makeRefusal } from './handshake.ts'
import type { PeerStream } from './peer-stream.ts'

/** Which end opened a stream: the peer, or this node. */
export type Side = 'accepted' | 'dialled'

interface Established {
  readonly stream: PeerStream
  readonly hello: Hello
  readonly onEnded: () => void
}

export interface PeerLinkParts {
  readonly peer: NodeId
  readonly host: TransportHost
  /** One of the two has turned the other away: connecting again should wait. */
  readonly onRejected: (refusal: Refusal) => void
  /** How long the other stream is doubted after the one that was sent on has broken: usually it breaks too. */
  readonly failoverDelayMs: number
}

/**
 * Sends on the stream the peer has opened, since only who opens a connection can widen its receive window; otherwise on this node's
 * own. The host hears of the stream that is sent on: connected when there is one, lost when that very one breaks.
 */
export class PeerLink {
  readonly #parts: PeerLinkParts
  readonly #streams: { accepted?: Established | undefined; dialled?: Established | undefined } = {}
  #sending: PeerStream | undefined
  #failoverTimer: NodeJS.Timeout | undefined

  constructor(parts: PeerLinkParts) {
    this.#parts = parts
  }

  /** Where the peer says it is reached, if it is connected. */
  get address(): string | undefined {
    return (this.#streams.accepted ?? this.#streams.dialled)?.hello.address
  }

  /** Why a greeting under this peer's name cannot come from it: it is connected already, from another disk. */
  identityConflict({ nodeId, directoryId }: Hello): Refusal | undefined {
    const connected = (this.#streams.accepted ?? this.#streams.dialled)?.hello.directoryId
    if (connected === undefined || connected === directoryId) return undefined
    return makeRefusal('ERR_RAFT_DUPLICATE_NODE', `another ${nodeId}, with another data directory, is connected`)
  }

  send(message: PeerMessage): boolean {
    return this.#sending?.send(message) ?? false
  }

  /** Takes over a stream after its handshake, in place of an older one of that side. `ended` is called once it is gone. */
  attach(side: Side, established: Established): void {
    const { stream } = established
    const previous = this.#streams[side]
    this.#streams[side] = established
    stream.setListener({
      onFrame: (frame) => this.#onFrame(stream, frame),
      onEnd: (reason) => this.#remove(side, stream, reason),
      onMalformed: (refusal) => this.#onProtocolError(stream, refusal),
    })
    previous?.stream.end(status.CANCELLED, 'a newer stream of this peer has taken its place')
    if (previous !== undefined && this.#sending === previous.stream) this.#onLost('the peer has connected anew')
    previous?.onEnded()
    this.#selectStream()
  }

  /** Ends both streams. */
  close(code: status, reason: string): void {
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

  /** Ends the stream this node has opened, if there is one. */
  closeDialled(reason: string): void {
    const { dialled } = this.#streams
    dialled?.stream.end(status.CANCELLED, reason)
    if (dialled !== undefined) this.#remove('dialled', dialled.stream, reason)
  }

  #onFrame(stream: PeerStream, frame: Frame): void {
    const { peer, host } = this.#parts
    if (frame.type === 'messages') {
      for (const message of frame.messages) if (!stream.isEnded) host.receive(peer, message)
      return
    }
    if (frame.type === 'hello')
      return this.#onProtocolError(stream, { code: 'ERR_RAFT_BAD_MESSAGE', message: 'a second greeting' })
    this.#parts.onRejected(frame.refusal)
    host.refusedBy(peer, frame.refusal)
    this.close(status.OK, `refused by ${peer}: ${frame.refusal.message}`)
  }

  /** The peer has broken the protocol: it is told, and both streams end. */
  #onProtocolError(stream: PeerStream, refusal: Refusal): void {
    stream.reject(refusal)
    this.#parts.onRejected(refusal)
    this.close(status.ABORTED, `${refusal.code}: ${refusal.message}`)
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
