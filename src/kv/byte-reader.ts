/** Reads fields from untrusted bytes; a read beyond the end or of an invalid value throws MalformedError with the reason. */
import { isUtf8 } from 'node:buffer'

/** Bytes that are not a valid encoding. */
export class MalformedError extends Error {}

export class ByteReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  byte(what: string): number {
    return this.#bytes[this.#take(1, what)] as number
  }

  /** A safe integer of at least 0, encoded as f64. */
  count(what: string): number {
    const value = this.#bytes.readDoubleLE(this.#take(8, what))
    if (!Number.isSafeInteger(value) || value < 0) throw new MalformedError(`${what} is not a whole number`)
    return value
  }

  /** Bytes with a u32 length prefix. */
  sized(what: string): Buffer {
    const length = this.#bytes.readUInt32LE(this.#take(4, what))
    const from = this.#take(length, what)
    return this.#bytes.subarray(from, from + length)
  }

  text(what: string): string {
    const bytes = this.sized(what)
    if (!isUtf8(bytes)) throw new MalformedError(`${what} is not UTF-8`)
    return bytes.toString('utf8')
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  /** The remaining bytes. */
  rest(): Buffer {
    const from = this.#at
    this.#at = this.#bytes.length
    return this.#bytes.subarray(from)
  }

  /** Throws unless all bytes were read. */
  end(): void {
    const left = this.#bytes.length - this.#at
    if (left > 0) throw new MalformedError(`${left} bytes are left over`)
  }

  #take(length: number, what: string): number {
    const from = this.#at
    if (from + length > this.#bytes.length) throw new MalformedError(`it ends before the end of its ${what}`)
    this.#at = from + length
    return from
  }
}
