/** One stream of frames to one peer: counts what waits, packs it, writes one frame at a time, and hands out what comes in. */
import { status } from '@grpc/grpc-js'
import type { PeerMessage, Refusal } from '../../contracts/transport.ts'
import { messageBytes } from '../../contracts/transport.ts'
import { isRaftError } from '../../errors.ts'
import type { Frame } from './codec.ts'
import { decodeFrame, encodeFrame, FRAME_MESSAGES_MAX } from './codec.ts'
import type { PeerCall } from './peer-call.ts'
import type { GrpcTransportLimits } from './transport-options.ts'

/** Who listens to a stream: first the handshake, then the link. */
export interface StreamListener {
  onFrame(frame: Frame): void
  /** Called once, unless this end has ended the stream itself. */
  onEnd(reason: string): void
  /** The other end has sent what is no frame. The stream goes on until somebody ends it. */
  onMalformed(refusal: Refusal): void
}

/** Before the handshake nobody has a reason to send more than this. */
const HANDSHAKE_BYTES_MAX = 16 * 1024
/** Frames on their way into the connection: one leaves while the next is ready to follow. */
const FRAMES_WRITING_MAX = 2

/**
 * While frames are on their way into the connection, what is to be sent next waits as messages, not as bytes: the blocks in it are
 * then shared with the other peers' streams, and the busier the connection, the fuller the frames.
 */
export class PeerStream {
  readonly #call: PeerCall
  readonly #limits: GrpcTransportLimits
  #listener: StreamListener
  #receiveBytesMax = HANDSHAKE_BYTES_MAX
  /** Invariant: `#bytes` is what `#waiting` and the frames being written count together. */
  #waiting: PeerMessage[] = []
  #bytes = 0
  /** How many frames are on their way into the connection. */
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

  /** From now on another one listens, and frames may be large. */
  setListener(listener: StreamListener): void {
    this.#listener = listener
    this.#receiveBytesMax = Number.POSITIVE_INFINITY
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Queues a message for the end of this turn; false if the window is full or the message too large. */
  send(message: PeerMessage): boolean {
    const size = messageBytes(message)
    if (this.#isEnded || size > this.#limits.messageBytesMax) return false
    if (this.#bytes > 0 && this.#bytes + size > this.#limits.windowBytes) return false
    this.#bytes += size
    this.#waiting.push(message)
    if (this.#waiting.length === 1 && this.#writing < FRAMES_WRITING_MAX) queueMicrotask(() => this.#flush())
    return true
  }

  /** Writes at once, before anything that waits. */
  writeNow(frame: Frame): void {
    if (!this.#isEnded) this.#call.write(encodeFrame(frame), () => undefined)
  }

  /** Turns the other end away. */
  reject(refusal: Refusal): void {
    this.writeNow({ type: 'refusal', refusal })
    const isMalformed = refusal.code === 'ERR_RAFT_BAD_MESSAGE'
    this.end(isMalformed ? status.INVALID_ARGUMENT : status.FAILED_PRECONDITION, refusal.message)
  }

  /** Drops what waits and ends the stream; its listener hears nothing any more. */
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

  /** The first message, and as many more as stay within the size and number of a frame. */
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
      if (bytes.length > this.#receiveBytesMax) return this.#onMalformed(`${bytes.length} bytes instead of a greeting`)
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
