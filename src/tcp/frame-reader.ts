/** Splits received bytes into frames. A frame within one chunk is read in place; one that spans chunks is copied together once. */
import { badMessage } from '../peer-link/wire-fields.ts'
import { HEADER_BYTES, NUMBER_BYTES } from './frame-format.ts'

/** The frame that is being read: one object per connection, so that a frame costs no allocation. Valid during the call that passes it. */
export class FrameCursor {
  type = 0
  flags = 0
  #view: DataView = new DataView(new ArrayBuffer(0))
  #bytes: Buffer = Buffer.alloc(0)
  #numbers = 0
  #count = 0
  #rest = 0
  #end = 0

  /** Moves to the frame at `start`, which ends at `end`. Throws ERR_RAFT_BAD_MESSAGE. */
  moveTo(bytes: Buffer, view: DataView, start: number, end: number): void {
    this.#bytes = bytes
    this.#view = view
    this.type = view.getUint8(start + 4)
    this.flags = view.getUint8(start + 5)
    this.#count = view.getUint16(start + 6, true)
    this.#numbers = start + HEADER_BYTES
    this.#rest = this.#numbers + this.#count * NUMBER_BYTES
    this.#end = end
    if (this.#rest > end) throw badMessage(`a frame of ${end - start} bytes cannot contain ${this.#count} numbers`)
  }

  /** The number at this position: an integer from `min` to `max`. */
  integer(position: number, name: string, min = 0, max: number = Number.MAX_SAFE_INTEGER): number {
    if (position >= this.#count) throw badMessage(`${name} is missing`)
    const value = this.#view.getFloat64(this.#numbers + position * NUMBER_BYTES, true)
    if (Number.isSafeInteger(value) && value >= min && value <= max) return value + 0 // Not -0.
    throw badMessage(
      `${name} is ${value}, not an integer from ${min} to ${max === Number.MAX_SAFE_INTEGER ? '2^53 - 1' : max}`,
    )
  }

  /** What follows the numbers: a view of the received bytes. */
  get rest(): Buffer {
    return this.#bytes.subarray(this.#rest, this.#end)
  }
}

/** What a socket reads at once. Chunks of this size are copied only once their frame is complete. */
const MERGED_BYTES_MAX = 64 * 1024

const NO_CHUNKS: readonly Buffer[] = []

export class FrameReader {
  readonly #onFrame: (frame: FrameCursor) => void
  readonly #cursor = new FrameCursor()
  #frameBytesMax: number
  /** The chunks of a frame that is not complete. */
  #chunks: Buffer[] = [...NO_CHUNKS]
  #chunkBytes = 0
  /** The size of that frame; 0 if its header is not complete either. */
  #frameBytes = 0
  #isStopped = false

  constructor(frameBytesMax: number, onFrame: (frame: FrameCursor) => void) {
    this.#frameBytesMax = frameBytesMax
    this.#onFrame = onFrame
  }

  set frameBytesMax(bytes: number) {
    this.#frameBytesMax = bytes
  }

  /** Passes every frame that is complete. Throws ERR_RAFT_BAD_MESSAGE for a frame that is too large, before it is kept. */
  push(chunk: Buffer): void {
    if (this.#chunkBytes === 0) return this.#read(chunk)
    if (this.#frameBytes === 0) return this.#read(this.#take(chunk)) // The header is split: rare.
    const missing = this.#frameBytes - this.#chunkBytes
    if (chunk.length < missing) return this.#keep(chunk)
    this.#read(this.#take(chunk.subarray(0, missing)))
    if (chunk.length > missing) this.#read(chunk.subarray(missing))
  }

  /** Passes no further frames. */
  stop(): void {
    this.#isStopped = true
    this.#chunks = []
  }

  #read(bytes: Buffer): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    let start = 0
    while (!this.#isStopped && start < bytes.length) {
      const left = bytes.length - start
      const size = left < HEADER_BYTES ? 0 : HEADER_BYTES + view.getUint32(start, true)
      if (size > this.#frameBytesMax)
        throw badMessage(`a frame of ${size} bytes; at most ${this.#frameBytesMax} are accepted`)
      if (size === 0 || size > left) {
        this.#frameBytes = size
        return this.#keep(start === 0 ? bytes : bytes.subarray(start))
      }
      this.#cursor.moveTo(bytes, view, start, start + size)
      this.#onFrame(this.#cursor)
      start += size
    }
  }

  /** Merges small chunks of similar size: a peer that sends a frame byte by byte must not cost an object for each. */
  #keep(chunk: Buffer): void {
    this.#chunkBytes += chunk.length
    const chunks = this.#chunks
    let merged = chunk
    for (let last = chunks.at(-1); last !== undefined && last.length <= merged.length; last = chunks.at(-1)) {
      if (merged.length >= MERGED_BYTES_MAX) break
      chunks.pop()
      merged = Buffer.concat([last, merged])
    }
    chunks.push(merged)
  }

  /** How many buffers hold the frame that is not complete. */
  get bufferCount(): number {
    return this.#chunks.length
  }

  /** Everything kept, and this chunk, in one buffer. */
  #take(chunk: Buffer): Buffer {
    const bytes = Buffer.concat([...this.#chunks, chunk], this.#chunkBytes + chunk.length)
    this.#chunks = []
    this.#chunkBytes = 0
    this.#frameBytes = 0
    return bytes
  }
}
