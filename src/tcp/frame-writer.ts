/** Writes frames into one buffer, around byte arrays that are passed on as they are. */
import { BLOCK_LENGTH_BYTES, HEADER_BYTES, NUMBER_BYTES } from './frame-format.ts'

export class FrameWriter {
  readonly #bytes: Buffer
  readonly #view: DataView
  readonly #parts: Uint8Array[] = []
  /** Where the part that is being written begins. */
  #start = 0
  #position = 0

  /** Has space for this many frames, with so many numbers and blocks altogether. */
  constructor(frames: number, numbers: number, blocks = 0) {
    this.#bytes = Buffer.allocUnsafe(frames * HEADER_BYTES + numbers * NUMBER_BYTES + blocks * BLOCK_LENGTH_BYTES)
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length)
  }

  /** Begins a frame. `count` numbers must follow, then blocks and other bytes of `restBytes` altogether. */
  begin(type: number, flags: number, count: number, restBytes = 0): void {
    const view = this.#view
    const position = this.#position
    view.setUint32(position, count * NUMBER_BYTES + restBytes, true)
    view.setUint8(position + 4, type)
    view.setUint8(position + 5, flags)
    view.setUint16(position + 6, count, true)
    this.#position = position + HEADER_BYTES
  }

  number(value: number): void {
    this.#view.setFloat64(this.#position, value, true)
    this.#position += NUMBER_BYTES
  }

  block(bytes: Uint8Array): void {
    this.#view.setUint32(this.#position, bytes.length, true)
    this.#position += BLOCK_LENGTH_BYTES
    this.rest(bytes)
  }

  /** The rest of the frame, which is not copied. */
  rest(bytes: Uint8Array): void {
    this.#endPart()
    if (bytes.length > 0) this.#parts.push(bytes)
  }

  /** The buffers to write. */
  finish(): readonly Uint8Array[] {
    this.#endPart()
    return this.#parts
  }

  #endPart(): void {
    if (this.#start === this.#position) return
    this.#parts.push(this.#bytes.subarray(this.#start, this.#position))
    this.#start = this.#position
  }
}
