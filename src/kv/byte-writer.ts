/** Writes fields into bytes in the format of ByteReader. */

export class ByteWriter {
  readonly #parts: Uint8Array[] = []
  #size = 0

  byte(value: number): this {
    return this.raw(Uint8Array.of(value))
  }

  count(value: number): this {
    const bytes = Buffer.allocUnsafe(8)
    bytes.writeDoubleLE(value)
    return this.raw(bytes)
  }

  sized(value: Uint8Array): this {
    const length = Buffer.allocUnsafe(4)
    length.writeUInt32LE(value.length)
    return this.raw(length).raw(value)
  }

  text(value: string): this {
    return this.sized(Buffer.from(value, 'utf8'))
  }

  raw(bytes: Uint8Array): this {
    this.#parts.push(bytes)
    this.#size += bytes.length
    return this
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts, this.#size)
  }
}
