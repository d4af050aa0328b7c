/** Splits received bytes into frames. A frame within one chunk is read in place; one that spans chunks is copied together. */
import { badMessage } from '../peer-link/wire-fields.ts'
import { HEADER_BYTES, NUMBER_BYTES } from './frame-format.ts'

const NOTHING: Buffer = Buffer.alloc(0)

interface FramePlace {
  readonly start: number
  readonly end: number
  readonly isReused: boolean
}

/** The frame that is being read: one object per connection, so that a frame costs no allocation. Valid during the call that passes it. */
export class FrameCursor {
  type = 0
  flags = 0
  #view: DataView = new DataView(new ArrayBuffer(0))
  #bytes: Buffer = NOTHING
  #numbers = 0
  #count = 0
  #rest = 0
  #end = 0
  #isReused = false

  /** Moves to the frame at `start`, which ends at `end`. `isReused`: its memory is overwritten later. Throws ERR_RAFT_BAD_MESSAGE. */
  moveTo(bytes: Buffer, view: DataView, { start, end, isReused }: FramePlace): void {
    this.#isReused = isReused
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

  /** What follows the numbers, to keep: a copy if the memory of the frame is overwritten later. Read it once. */
  get rest(): Buffer {
    const bytes = this.#bytes.subarray(this.#rest, this.#end)
    return this.#isReused ? Buffer.from(bytes) : bytes
  }
}

/** A larger frame gets its memory in steps, so that a peer that only announces one costs little. */
const FIRST_BYTES_MAX = 1024 * 1024

export class FrameReader {
  readonly #onFrame: (frame: FrameCursor) => void
  readonly #isReused: boolean
  readonly #cursor = new FrameCursor()
  #frameBytesMax: number
  /** The beginning of a frame that is not complete. */
  #partial: Buffer = NOTHING
  #partialBytes = 0
  #isStopped = false

  /** `isReused`: the memory of a chunk is overwritten after `push` returns. */
  constructor(frameBytesMax: number, isReused: boolean, onFrame: (frame: FrameCursor) => void) {
    this.#frameBytesMax = frameBytesMax
    this.#isReused = isReused
    this.#onFrame = onFrame
  }

  set frameBytesMax(bytes: number) {
    this.#frameBytesMax = bytes
  }

  /** How much memory holds the frame that is not complete. */
  get partialCapacity(): number {
    return this.#partial.length
  }

  /** Passes every frame that is complete. Throws ERR_RAFT_BAD_MESSAGE for a frame that is too large, before it is kept. */
  push(chunk: Buffer): void {
    let start = 0
    while (!this.#isStopped && start < chunk.length)
      start = this.#partialBytes === 0 ? this.#readWhole(chunk, start) : this.#readPart(chunk, start)
  }

  /** Passes no further frames. */
  stop(): void {
    this.#isStopped = true
    this.#partial = NOTHING
  }

  /** Passes the frames from `start` on that the chunk contains whole, and keeps the beginning of the next one. Returns where it continues. */
  #readWhole(chunk: Buffer, from: number): number {
    const view = viewOf(chunk)
    let start = from
    while (!this.#isStopped && start < chunk.length) {
      const left = chunk.length - start
      const size = left < HEADER_BYTES ? HEADER_BYTES : this.#sizeOf(view, start)
      if (left < size) return this.#keep(chunk, start, size)
      this.#cursor.moveTo(chunk, view, { start, end: start + size, isReused: this.#isReused })
      this.#onFrame(this.#cursor)
      start += size
    }
    return start
  }

  /** Adds what the chunk has of a frame that an earlier one began, and passes the frame if it is complete. Returns where the chunk continues. */
  #readPart(chunk: Buffer, start: number): number {
    const size = this.#partialBytes < HEADER_BYTES ? HEADER_BYTES : this.#sizeOf(viewOf(this.#partial), 0)
    const end = this.#keep(chunk, start, size)
    if (this.#partialBytes < size) return end
    // The header is complete: now the size of the frame is known.
    const frame = this.#partial
    const view = viewOf(frame)
    if (this.#sizeOf(view, 0) > this.#partialBytes) return end
    this.#partial = NOTHING
    this.#partialBytes = 0
    this.#cursor.moveTo(frame, view, { start: 0, end: size, isReused: false })
    this.#onFrame(this.#cursor)
    return end
  }

  #sizeOf(view: DataView, start: number): number {
    const size = HEADER_BYTES + view.getUint32(start, true)
    if (size <= this.#frameBytesMax) return size
    throw badMessage(`a frame of ${size} bytes; at most ${this.#frameBytesMax} are accepted`)
  }

  /** Copies what the chunk has of the first `size` bytes of a frame behind those that are kept. Returns where the chunk continues. */
  #keep(chunk: Buffer, start: number, size: number): number {
    const end = Math.min(chunk.length, start + size - this.#partialBytes)
    const bytes = this.#partialBytes + end - start
    if (bytes > this.#partial.length)
      this.#grow(Math.max(bytes, Math.min(size, FIRST_BYTES_MAX), Math.min(size, 2 * this.#partial.length)))
    chunk.copy(this.#partial, this.#partialBytes, start, end)
    this.#partialBytes = bytes
    return end
  }

  #grow(capacity: number): void {
    const before = this.#partial
    this.#partial = Buffer.allocUnsafe(capacity)
    before.copy(this.#partial, 0, 0, this.#partialBytes)
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Buffer): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}
