/** A connection as a call of a link. */
import type { Caller } from '../access/caller.ts'
import type { PeerMessage, Refusal } from '../contracts/transport.ts'
import type { Frame } from '../peer-link/frames.ts'
import type { PeerLinkLimits } from '../peer-link/limits.ts'
import type { CallListener, EndReason, PeerCall } from '../peer-link/peer-call.ts'
import { decodeHello, decodeRefusal, encodeHello, encodeRefusal, unexpectedFrame } from './control-frames.ts'
import { FRAME, FRAME_OVERHEAD_BYTES, MESSAGE_TYPE_MIN } from './frame-format.ts'
import type { FrameCursor } from './frame-reader.ts'
import type { FrameSocket } from './frame-socket.ts'
import { decodeMessage, encodeMessages } from './message-codec.ts'

/** Why a peer that this node has called is not connected. */
export interface DialRefusals {
  /** It does not speak this protocol. */
  foreign(bytes: Buffer): Refusal
  /** It has ended the connection before it answered. Undefined if that may happen to any connection. */
  unanswered(reason: string): Refusal | undefined
}

export class TcpCall implements PeerCall {
  readonly caller: Caller
  readonly #socket: FrameSocket
  readonly #limits: PeerLinkLimits
  readonly #refusals: DialRefusals
  #received: PeerMessage[] = []

  constructor(socket: FrameSocket, caller: Caller, limits: PeerLinkLimits, refusals: DialRefusals) {
    this.caller = caller
    this.#socket = socket
    this.#limits = limits
    this.#refusals = refusals
  }

  write(frame: Frame, onWritten: () => void): void {
    this.#socket.write(encode(frame), onWritten)
  }

  listen(listener: CallListener): void {
    this.#socket.listen({
      onFrame: (frame) => this.#onFrame(frame, listener),
      onChunkEnd: () => this.#deliver(listener),
      onMalformed: (reason) => listener.onMalformed(reason),
      onEnded: (reason) => this.#onEnded(reason, listener),
      onForeign: (bytes) => listener.onFrame({ type: 'refusal', refusal: this.#refusals.foreign(bytes) }),
    })
  }

  onGreeted(): void {
    this.#socket.frameBytesMax = this.#limits.messageBytesMax + FRAME_OVERHEAD_BYTES
  }

  end(reason: EndReason, details: string): void {
    this.#socket.end(details, reason === 'cancelled' || reason === 'closing')
  }

  #onFrame(frame: FrameCursor, listener: CallListener): void {
    if (frame.type >= MESSAGE_TYPE_MIN) return void this.#received.push(decodeMessage(frame))
    this.#deliver(listener)
    if (frame.type === FRAME.hello) listener.onFrame({ type: 'hello', hello: decodeHello(frame) })
    else if (frame.type === FRAME.refusal) listener.onFrame({ type: 'refusal', refusal: decodeRefusal(frame) })
    else throw unexpectedFrame(frame)
  }

  #onEnded(reason: string, listener: CallListener): void {
    const refusal = this.#socket.isAnswered ? undefined : this.#refusals.unanswered(reason)
    if (refusal !== undefined) listener.onFrame({ type: 'refusal', refusal })
    listener.onEnded(reason)
  }

  /** The messages of one received chunk are passed together. */
  #deliver(listener: CallListener): void {
    if (this.#received.length === 0) return
    const messages = this.#received
    this.#received = []
    listener.onFrame({ type: 'messages', messages })
  }
}

function encode(frame: Frame): readonly Uint8Array[] {
  if (frame.type === 'messages') return encodeMessages(frame.messages)
  return frame.type === 'hello' ? encodeHello(frame.hello) : encodeRefusal(frame.refusal)
}
