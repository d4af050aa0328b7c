/** Reads a segment from its start to its end: the next bytes are read while the last ones are examined, in two buffers that are used again. */
import type { FileHandle } from 'node:fs/promises'
import { readUpTo } from '../data-directory/durable-files.ts'

/** Bytes read from a segment at a time. */
export const READ_BYTES: number = 2 * 1024 * 1024
/** Space in front of them, for the start of a frame that the bytes read before end with. A longer frame is read on its own. */
const FRONT_BYTES = READ_BYTES

/** The memory of one reader at a time. */
export class ReadBuffers {
  readonly #buffers = [
    Buffer.allocUnsafeSlow(FRONT_BYTES + READ_BYTES),
    Buffer.allocUnsafeSlow(FRONT_BYTES + READ_BYTES),
  ]
  #turn = 0

  /** The buffer that was not returned last. */
  next(): Buffer {
    this.#turn = 1 - this.#turn
    return this.#buffers[this.#turn] as Buffer
  }
}

interface Filled {
  readonly buffer: Buffer
  /** The bytes read, from FRONT_BYTES on. */
  readonly length: number
}

export class SegmentReader {
  readonly #file: FileHandle
  readonly size: number
  readonly #buffers: ReadBuffers
  #window: Buffer = Buffer.alloc(0)
  #start = 0
  /** The bytes that follow the window, while they are read. */
  #ahead: Promise<Filled> | undefined

  constructor(file: FileHandle, size: number, buffers: ReadBuffers) {
    this.#file = file
    this.size = size
    this.#buffers = buffers
  }

  /** The bytes [from, to), fewer at the end of the file. Valid until the next call. */
  async bytes(from: number, to: number): Promise<Buffer> {
    const end = Math.min(to, this.size)
    if (from >= this.#start && end <= this.#end) return this.#window.subarray(from - this.#start, end - this.#start)
    if (end - from > FRONT_BYTES) return readUpTo(this.#file, end - from, from)
    if (from >= this.#start && from <= this.#end && this.#ahead !== undefined) await this.#advance(from, this.#ahead)
    else await this.#jump(from)
    return this.#window.subarray(from - this.#start, end - this.#start)
  }

  /** Waits for the read in progress: its buffer must not be used before. */
  async end(): Promise<void> {
    await this.#ahead?.catch(() => undefined)
    this.#ahead = undefined
  }

  get #end(): number {
    return this.#start + this.#window.length
  }

  async #advance(from: number, ahead: Promise<Filled>): Promise<void> {
    const { buffer, length } = await ahead
    const rest = this.#window.subarray(from - this.#start)
    buffer.set(rest, FRONT_BYTES - rest.length)
    this.#show(buffer.subarray(FRONT_BYTES - rest.length, FRONT_BYTES + length), from)
  }

  async #jump(from: number): Promise<void> {
    await this.end()
    const { buffer, length } = await this.#fill(from)
    this.#show(buffer.subarray(FRONT_BYTES, FRONT_BYTES + length), from)
  }

  #show(window: Buffer, start: number): void {
    this.#window = window
    this.#start = start
    this.#ahead = this.#end < this.size ? this.#fill(this.#end) : undefined
    this.#ahead?.catch(() => undefined)
  }

  async #fill(position: number): Promise<Filled> {
    const buffer = this.#buffers.next()
    const wanted = Math.min(READ_BYTES, this.size - position)
    let length = 0
    while (length < wanted) {
      const { bytesRead } = await this.#file.read(buffer, FRONT_BYTES + length, wanted - length, position + length)
      if (bytesRead === 0) break
      length += bytesRead
    }
    return { buffer, length }
  }
}
