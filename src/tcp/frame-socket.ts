/** A connection that carries frames: writes them in one system call, reads them, and detects a peer that has vanished. */
import type { Socket } from 'node:net'
import { isRaftError } from '../errors.ts'
import { HANDSHAKE_BYTES_MAX } from '../peer-link/frames.ts'
import type { ReceiveBuffer } from '../peer-link/receive-buffer.ts'
import { errorMessage } from '../platform/error-message.ts'
import { decodeEnd, encodeEnd, encodePing } from './control-frames.ts'
import { FRAME, PREFACE_BYTES } from './frame-format.ts'
import type { FrameCursor } from './frame-reader.ts'
import { FrameReader } from './frame-reader.ts'

export interface FrameSocketListener {
  /** Called with each frame but pings and ends. Throws ERR_RAFT_BAD_MESSAGE if it is malformed. */
  onFrame(frame: FrameCursor): void
  /** All frames of a received chunk were passed. */
  onChunkEnd(): void
  onMalformed(reason: string): void
  /** Called once, unless this end called `end`. */
  onEnded(reason: string): void
  /** The other end does not begin with the preface of this protocol. */
  onForeign(bytes: Buffer): void
}

export interface KeepaliveLimits {
  readonly keepaliveTimeMs: number
  readonly keepaliveTimeoutMs: number
}

/** A connection that this end has opened. */
export interface DialledSocket {
  /** What the other end must begin with. */
  readonly preface: string
  /** What the socket is read into; undefined if each read is new memory. */
  readonly received: ReceiveBuffer | undefined
}

/** How long an ended connection waits for the peer to read the last frames. */
const LINGER_MS = 500

export class FrameSocket {
  readonly #socket: Socket
  readonly #limits: KeepaliveLimits
  readonly #reader: FrameReader
  readonly #keepalive: NodeJS.Timeout
  readonly #received: ReceiveBuffer | undefined
  #listener: FrameSocketListener | undefined
  /** What the other end must begin with; undefined once it has. */
  #preface: string | undefined
  #prefaceReceived: Buffer = Buffer.alloc(0)
  #timeout: NodeJS.Timeout | undefined
  /** How many chunks were received, now and at the last check. */
  #chunks = 0
  #chunksBefore = 0
  #isPongWaiting = false
  #isEnded = false

  /** Without `dialled` this end has accepted the connection, and the preface has been read already. */
  constructor(socket: Socket, limits: KeepaliveLimits, dialled?: DialledSocket) {
    this.#socket = socket
    this.#limits = limits
    this.#preface = dialled?.preface
    this.#received = dialled?.received
    this.#reader = new FrameReader(HANDSHAKE_BYTES_MAX, this.#received !== undefined, (frame) => this.#onFrame(frame))
    this.#keepalive = setInterval(() => this.#onIdle(), limits.keepaliveTimeMs)
    this.#keepalive.unref()
    socket.on('error', (error) => this.#onEnded(errorMessage(error)))
    socket.on('end', () => this.#onEnded('the peer has closed the connection'))
    socket.on('close', () => this.#onEnded('the connection was lost'))
  }

  /** The other end has sent the preface. */
  get isAnswered(): boolean {
    return this.#preface === undefined
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Called once. Frames are passed from now on. */
  listen(listener: FrameSocketListener): void {
    this.#listener = listener
    const onData = (bytes: Buffer): void => this.#onData(bytes)
    // A TLS socket, or one of an engine that does not know `onread`, has this event.
    this.#socket.on('data', onData)
    this.#received?.listen(onData)
    this.#socket.resume()
  }

  set frameBytesMax(bytes: number) {
    this.#reader.frameBytesMax = bytes
  }

  /** Writes buffers at once. Calls `onWritten` once the operating system has taken them, or never if the connection ends first. */
  write(buffers: readonly Uint8Array[], onWritten?: () => void): void {
    if (this.#isEnded) return
    const socket = this.#socket
    const last = buffers.length - 1
    if (last > 0) socket.cork()
    for (let offset = 0; offset < last; offset++) socket.write(buffers[offset] as Uint8Array)
    socket.write(buffers[last] as Uint8Array, (error) => {
      if (error == null) onWritten?.()
    })
    if (last > 0) socket.uncork()
  }

  /** Reads nothing until `resume`. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Sends the reason, and closes: in order, or at once. */
  end(reason: string, isAtOnce: boolean): void {
    if (this.#isEnded) return
    this.write(encodeEnd(reason))
    this.#stop()
    const socket = this.#socket
    socket.end()
    if (isAtOnce) return void setImmediate(() => socket.destroy())
    socket.resume() // What the peer still sends is discarded, so that its end is seen.
    const linger = setTimeout(() => socket.destroy(), LINGER_MS)
    linger.unref()
    socket.once('close', () => clearTimeout(linger))
  }

  #onData(bytes: Buffer): void {
    if (this.#isEnded) return
    this.#chunks++
    try {
      const frames = this.#preface === undefined ? bytes : this.#afterPreface(bytes, this.#preface)
      if (frames !== undefined) this.#reader.push(frames)
    } catch (error) {
      if (!isRaftError(error, 'ERR_RAFT_BAD_MESSAGE')) throw error
      this.#listener?.onChunkEnd()
      this.#reader.stop()
      if (!this.#isEnded) this.#listener?.onMalformed(error.message)
      return
    }
    if (!this.#isEnded) this.#listener?.onChunkEnd()
  }

  #afterPreface(bytes: Buffer, preface: string): Buffer | undefined {
    const received = Buffer.concat([this.#prefaceReceived, bytes])
    const begin = received.toString('latin1', 0, PREFACE_BYTES)
    if (!preface.startsWith(begin)) {
      this.#reader.stop()
      this.#listener?.onForeign(received)
      return undefined
    }
    this.#prefaceReceived = received
    if (received.length < PREFACE_BYTES) return undefined
    this.#preface = undefined
    return received.subarray(PREFACE_BYTES)
  }

  #onFrame(frame: FrameCursor): void {
    switch (frame.type) {
      case FRAME.ping:
        return this.#pong()
      case FRAME.pong:
        return
      case FRAME.end:
        this.#listener?.onChunkEnd()
        return this.#onEnded(decodeEnd(frame))
      default:
        this.#listener?.onFrame(frame)
    }
  }

  /** At most one answer waits: a peer that pings and does not read costs nothing. */
  #pong(): void {
    if (this.#isPongWaiting) return
    this.#isPongWaiting = true
    this.write(encodePing(FRAME.pong), () => {
      this.#isPongWaiting = false
    })
  }

  /** Nothing was received for a while: pings. While reading is paused, the pings only show the peer that this end is there. */
  #onIdle(): void {
    const chunks = this.#chunks
    const isSilent = chunks === this.#chunksBefore
    this.#chunksBefore = chunks
    if (!isSilent || this.#timeout !== undefined) return
    this.write(encodePing(FRAME.ping))
    if (this.#socket.isPaused()) return
    // The answer may have arrived while this process did not run: it is read before the check.
    this.#timeout = setTimeout(() => setImmediate(() => this.#onPingTimeout(chunks)), this.#limits.keepaliveTimeoutMs)
    this.#timeout.unref()
  }

  /** `chunksBefore` is as of the ping. */
  #onPingTimeout(chunksBefore: number): void {
    this.#timeout = undefined
    if (this.#chunks !== chunksBefore || this.#isEnded || this.#socket.isPaused()) return
    this.#onEnded(`no reply to a ping within ${this.#limits.keepaliveTimeoutMs} ms`)
  }

  /** The other end has closed the connection, or it is lost. */
  #onEnded(reason: string): void {
    if (this.#isEnded) return
    this.#stop()
    this.#socket.destroy()
    this.#listener?.onEnded(reason)
  }

  #stop(): void {
    this.#isEnded = true
    this.#reader.stop()
    clearInterval(this.#keepalive)
    clearTimeout(this.#timeout)
  }
}
