/** One stream of frames to a peer: queues messages within a byte window, and packs them into frames. */
import type { PeerMessage, Refusal } from '../contracts/transport.ts'
import { messageBytes } from '../contracts/transport.ts'
import type { Frame } from './frames.ts'
import { FRAME_MESSAGES_MAX } from './frames.ts'
import type { PeerLinkLimits } from './limits.ts'
import type { EndReason, PeerCall } from './peer-call.ts'

/** Receives the events of a stream: first the handshake, then the link. */
export interface StreamListener {
  onFrame(frame: Frame): void
  /** Called once when the stream ends, unless this end called `end`. */
  onEnd(reason: string): void
  /** Called with the reason when a frame cannot be decoded. The stream stays open until the listener ends it. */
  onMalformed(refusal: Refusal): void
}

/** The most frames in the write buffer of the connection: one is being sent and the next is ready. */
const FRAMES_WRITING_MAX = 2

/**
 * While frames are being written, later messages wait as objects, not as bytes. Their blocks are then shared with the streams to
 * the other peers, and a busy connection gets fuller frames.
 */
export class PeerStream {
  readonly #call: PeerCall
  readonly #limits: PeerLinkLimits
  #listener: StreamListener
  /** Invariant: `#bytes` is the size of `#waiting` plus the frames being written. */
  #waiting: PeerMessage[] = []
  #bytes = 0
  /** How many frames are being written. */
  #writing = 0
  #isEnded = false

  constructor(call: PeerCall, limits: PeerLinkLimits, listener: StreamListener) {
    this.#call = call
    this.#limits = limits
    this.#listener = listener
    call.listen({
      onFrame: (frame) => {
        if (!this.#isEnded) this.#listener.onFrame(frame)
      },
      onMalformed: (message) => {
        if (!this.#isEnded) this.#listener.onMalformed({ code: 'ERR_RAFT_BAD_MESSAGE', message })
      },
      onEnded: (reason) => this.#onEnd(reason),
    })
  }

  /** Replaces the listener after the handshake. */
  setListener(listener: StreamListener): void {
    this.#listener = listener
    this.#call.onGreeted()
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
    if (!this.#isEnded) this.#call.write(frame, () => undefined)
  }

  reject(refusal: Refusal): void {
    this.writeNow({ type: 'refusal', refusal })
    const isMalformed = refusal.code === 'ERR_RAFT_BAD_MESSAGE'
    this.end(isMalformed ? 'malformed' : 'refused', refusal.message)
  }

  /** Drops the queued messages and ends the stream. The listener is not called again. */
  end(reason: EndReason, details: string): void {
    if (this.#isEnded) return
    this.#stop()
    this.#call.end(reason, details)
  }

  #flush(): void {
    while (this.#writing < FRAMES_WRITING_MAX && !this.#isEnded && this.#waiting.length > 0) this.#writeFrame()
  }

  #writeFrame(): void {
    const { messages, size } = this.#takeFrame()
    this.#writing++
    this.#call.write({ type: 'messages', messages }, () => {
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
