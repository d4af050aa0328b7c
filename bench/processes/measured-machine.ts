/** The state machine of the measured nodes: counts commands, keeps values by key if asked to, and can have a large snapshot. */

const CHUNK_BYTES = 64 * 1024
const KEY_BYTES = 16
/** The count, the ballast, and the bytes of the values. */
const HEAD_BYTES = 24
const NOTHING = new Uint8Array(0)

export class MeasuredMachine {
  readonly #keepsValues: boolean
  readonly #values = new Map<string, Uint8Array>()
  #count = 0
  /** Chunks that are added to each snapshot. */
  #ballast = 0

  constructor(keepsValues: boolean) {
    this.#keepsValues = keepsValues
  }

  /** The command that sets the size of later snapshots. Commands of the load are longer. */
  static ballastCommand(bytes: number): Uint8Array {
    return new Uint8Array(new Float64Array([Math.ceil(bytes / CHUNK_BYTES)]).buffer)
  }

  apply(command: Uint8Array): Uint8Array {
    this.#count++
    if (command.length < KEY_BYTES) this.#ballast = numbersOf(command)[0] as number
    else if (this.#keepsValues) this.#values.set(keyOf(command), command.slice(KEY_BYTES))
    return NOTHING
  }

  query(key: Uint8Array): Uint8Array {
    return this.#values.get(keyOf(key)) ?? NOTHING
  }

  /** The counters, the values, then the ballast. */
  snapshot(): Iterable<Uint8Array> {
    const values = Buffer.concat([...this.#values].flatMap(([key, value]) => [recordHead(key, value), value]))
    const head = new Float64Array([this.#count, this.#ballast, values.length])
    return chunksOf(Buffer.concat([new Uint8Array(head.buffer), values]), this.#ballast)
  }

  async restore(source: AsyncIterable<Uint8Array>): Promise<void> {
    let start = Buffer.alloc(0)
    let wanted = HEAD_BYTES
    for await (const chunk of source) {
      if (start.length >= wanted) continue
      start = Buffer.concat([start, chunk])
      if (start.length >= HEAD_BYTES) wanted = HEAD_BYTES + (numbersOf(start.subarray(0, HEAD_BYTES))[2] as number)
    }
    ;[this.#count = 0, this.#ballast = 0] = numbersOf(start.subarray(0, HEAD_BYTES))
    this.#values.clear()
    for (let at = HEAD_BYTES; at < wanted; ) {
      const end = at + KEY_BYTES + 4 + start.readUInt32LE(at + KEY_BYTES)
      this.#values.set(keyOf(start.subarray(at)), Uint8Array.from(start.subarray(at + KEY_BYTES + 4, end)))
      at = end
    }
  }
}

function* chunksOf(start: Uint8Array, ballast: number): Iterable<Uint8Array> {
  yield start
  const chunk = new Uint8Array(CHUNK_BYTES).fill(7)
  for (let number = 0; number < ballast; number++) yield chunk
}

function recordHead(key: string, value: Uint8Array): Uint8Array {
  const head = Buffer.alloc(KEY_BYTES + 4)
  head.write(key, 'latin1')
  head.writeUInt32LE(value.length, KEY_BYTES)
  return head
}

/** The numbers in a copy of the bytes: `slice` of a Buffer would not copy them. */
function numbersOf(bytes: Uint8Array): Float64Array {
  return new Float64Array(Uint8Array.from(bytes).buffer)
}

function keyOf(command: Uint8Array): string {
  return Buffer.from(command.buffer, command.byteOffset, KEY_BYTES).toString('latin1')
}
