/** A connection as a call of a link. */
import type { PeerMessage, Refusal } from '../contracts/transport.ts'
import type { Frame } from '../peer-link/frames.ts'
import type { PeerLinkLimits } from '../peer-link/limits.ts'
import type { CallListener, EndReason, PeerCall } from '../peer-link/peer-call.ts'
import { decodeHello, decodeRefusal, encodeHello, encodeRefusal, unexpectedFrame } from './control-frames.ts'
import { FRAME, FRAME_OVERHEAD_BYTES, MESSAGE_TYPE_MIN } from './frame-format.ts'
import type { FrameCursor } from './frame-reader.ts'
import type { FrameSocket } from './frame-socket.ts'
import { decodeMessage, encodeMessages } from './message-codec.ts'

export class TcpCall implements PeerCall {
  readonly #socket: FrameSocket
  readonly #limits: PeerLinkLimits
  readonly #foreignRefusal: (bytes: Buffer) => Refusal
  #received: PeerMessage[] = []

  /** `foreignRefusal` says why a peer that does not speak this protocol is not connected. */
  constructor(socket: FrameSocket, limits: PeerLinkLimits, foreignRefusal: (bytes: Buffer) => Refusal) {
    this.#socket = socket
    this.#limits = limits
    this.#foreignRefusal = foreignRefusal
  }

  write(frame: Frame, onWritten: () => void): void {
    this.#socket.write(encode(frame), onWritten)
  }

  listen(listener: CallListener): void {
    this.#socket.listen({
      onFrame: (frame) => this.#onFrame(frame, listener),
      onChunkEnd: () => this.#deliver(listener),
      onMalformed: (reason) => listener.onMalformed(reason),
      onEnded: (reason) => listener.onEnded(reason),
      onForeign: (bytes) => listener.onFrame({ type: 'refusal', refusal: this.#foreignRefusal(bytes) }),
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
