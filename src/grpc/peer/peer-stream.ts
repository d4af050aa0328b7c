/** One stream of frames to a peer: queues messages within a byte window, packs them into frames, and decodes incoming frames. */
import { status } from '@grpc/grpc-js'
import type { PeerMessage, Refusal } from '../../contracts/transport.ts'
import { messageBytes } from '../../contracts/transport.ts'
import { isRaftError } from '../../errors.ts'
import type { Frame } from './codec.ts'
import { decodeFrame, encodeFrame, FRAME_MESSAGES_MAX } from './codec.ts'
import type { PeerCall } from './peer-call.ts'
import type { GrpcTransportLimits } from './transport-options.ts'

/** Receives the events of a stream: first the handshake, then the link. */
export interface StreamListener {
  onFrame(frame: Frame): void
  /** Called once when the stream ends, unless this end called `end`. */
  onEnd(reason: string): void
  /** Called with the reason when a frame cannot be decoded. The stream stays open until the listener ends it. */
  onMalformed(refusal: Refusal): void
}

/** The largest frame before the handshake is complete. */
const HANDSHAKE_BYTES_MAX = 16 * 1024
/** The most frames in the write buffer of the connection: one is being sent and the next is ready. */
const FRAMES_WRITING_MAX = 2

/**
 * While frames are being written, later messages wait as objects, not as bytes. Their blocks are then shared with the streams to
 * the other peers, and a busy connection gets fuller frames.
 */
export class PeerStream {
  readonly #call: PeerCall
  readonly #limits: GrpcTransportLimits
  #listener: StreamListener
  #receiveBytesMax = HANDSHAKE_BYTES_MAX
  /** Invariant: `#bytes` is the size of `#waiting` plus the frames being written. */
  #waiting: PeerMessage[] = []
  #bytes = 0
  /** How many frames are being written. */
  #writing = 0
  #isEnded = false

  constructor(call: PeerCall, limits: GrpcTransportLimits, listener: StreamListener) {
    this.#call = call
    this.#limits = limits
    this.#listener = listener
    call.listen(
      (bytes) => this.#onBytes(bytes),
      (reason) => this.#onEnd(reason),
    )
  }

  /** Replaces the listener after the handshake, and removes the limit on the size of frames. */
  setListener(listener: StreamListener): void {
    this.#listener = listener
    this.#receiveBytesMax = Number.POSITIVE_INFINITY
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Queues a message for the end of this turn. Returns false if the window is full or the message is too large. */
  send(message: PeerMessage): boolean {
    const size = messageBytes(message)
    if (this.#isEnded || size > this.#limits.messageBytesMax) return false
    if (this.#bytes > 0 && this.#bytes + size > this.#limits.windowBytes) return false
    this.#bytes += size
    this.#waiting.push(message)
    if (this.#waiting.length === 1 && this.#writing < FRAMES_WRITING_MAX) queueMicrotask(() => this.#flush())
    return true
  }

  /** Writes a frame at once, before the queued messages. */
  writeNow(frame: Frame): void {
    if (!this.#isEnded) this.#call.write(encodeFrame(frame), () => undefined)
  }

  reject(refusal: Refusal): void {
    this.writeNow({ type: 'refusal', refusal })
    const isMalformed = refusal.code === 'ERR_RAFT_BAD_MESSAGE'
    this.end(isMalformed ? status.INVALID_ARGUMENT : status.FAILED_PRECONDITION, refusal.message)
  }

  /** Drops the queued messages and ends the stream. The listener is not called again. */
  end(code: status, details: string): void {
    if (this.#isEnded) return
    this.#stop()
    this.#call.end(code, details)
  }

  #flush(): void {
    while (this.#writing < FRAMES_WRITING_MAX && !this.#isEnded && this.#waiting.length > 0) this.#writeFrame()
  }

  #writeFrame(): void {
    const { messages, size } = this.#takeFrame()
    this.#writing++
    this.#call.write(encodeFrame({ type: 'messages', messages }), () => {
      this.#writing--
      if (this.#isEnded) return
      this.#bytes -= size
      this.#flush()
    })
  }

  /** Takes the first message, and as many more as fit the size and number limits of a frame. */
  #takeFrame(): { readonly messages: readonly PeerMessage[]; readonly size: number } {
    const waiting = this.#waiting
    let size = 0
    let count = 0
    for (; count < waiting.length && count < FRAME_MESSAGES_MAX; count++) {
      const next = messageBytes(waiting[count] as PeerMessage)
      if (count > 0 && size + next > this.#limits.frameBytes) break
      size += next
    }
    if (count === waiting.length) this.#waiting = []
    return { messages: count === waiting.length ? waiting : waiting.splice(0, count), size }
  }

  #onBytes(bytes: Buffer): void {
    if (this.#isEnded) return
    let frame: Frame
    try {
      if (bytes.length > this.#receiveBytesMax) return this.#onMalformed(`${bytes.length} bytes instead of a hello`)
      frame = decodeFrame(bytes)
    } catch (error) {
      if (!isRaftError(error, 'ERR_RAFT_BAD_MESSAGE')) throw error
      return this.#onMalformed(error.message)
    }
    this.#listener.onFrame(frame)
  }

  #onMalformed(message: string): void {
    this.#listener.onMalformed({ code: 'ERR_RAFT_BAD_MESSAGE', message })
  }

  #onEnd(reason: string): void {
    if (this.#isEnded) return
    this.#stop()
    this.#listener.onEnd(reason)
  }

  #stop(): void {
    this.#isEnded = true
    this.#waiting = []
    this.#bytes = 0
  }
}
