/** A block of the log that is applied, with the results of those of its commands that were executed. */
import type { EncodedBlock } from '../../contracts/encoded-block.ts'
import type { LogIndex, Term } from '../../core/types.ts'
import { isEnveloped, payloadsOf } from '../../log-format/block.ts'
import { decodeEnvelope } from '../../sessions/envelope.ts'

/** A command that was executed, and its result. */
export interface AppliedChange {
  readonly index: LogIndex
  readonly term: Term
  /** A copy. */
  readonly command: Uint8Array
  /** One character per byte (latin1). Undefined if it cannot be encoded. */
  readonly result: string | undefined
}

/** What one change counts in addition to its command and result. */
const OVERHEAD_BYTES = 64

export class AppliedBlock {
  readonly #block: EncodedBlock
  /** The offsets of the executed commands in the block, ascending, and their results; those before `#head` are dropped. */
  readonly #offsets: number[] = []
  readonly #results: (string | undefined)[] = []
  #head = 0

  constructor(block: EncodedBlock) {
    this.#block = block
  }

  get lastIndex(): LogIndex {
    return this.#block.first + this.#block.count - 1
  }

  /** The changes that are kept. */
  get count(): number {
    return this.#offsets.length - this.#head
  }

  /** Returns the bytes that the result counts. */
  add(index: LogIndex, result: string | undefined): number {
    this.#offsets.push(index - this.#block.first)
    this.#results.push(result)
    return resultBytes(result)
  }

  /** Returns the index of the change. */
  dropFirst(): LogIndex {
    return this.#block.first + (this.#offsets[this.#head++] as number)
  }

  /** The bytes of the block and of all its results, dropped ones included: they are freed together. */
  bytes(): number {
    return this.#results.reduce((sum, result) => sum + resultBytes(result), this.#block.size)
  }

  /** Adds the changes from this index on, until they exceed the bytes; always the first one. Returns the bytes left, negative if there may be more. */
  collect(from: LogIndex, bytesMax: number, into: AppliedChange[]): number {
    const { first, term } = this.#block
    const payloads = payloadsOf(this.#block)
    let bytesLeft = bytesMax
    for (let position = this.#head; position < this.#offsets.length; position++) {
      const offset = this.#offsets[position] as number
      if (first + offset < from) continue
      const payload = payloads[offset] as Uint8Array
      const result = this.#results[position]
      bytesLeft -= payload.length + resultBytes(result)
      if (bytesLeft < 0 && into.length > 0) break
      into.push({ index: first + offset, term, command: this.#commandOf(payload, offset), result })
    }
    return bytesLeft
  }

  #commandOf(payload: Uint8Array, offset: number): Uint8Array {
    if (!isEnveloped(this.#block, offset)) return payload.slice()
    const envelope = decodeEnvelope(payload)
    return envelope.type === 'command' ? envelope.command.slice() : new Uint8Array(0)
  }
}

function resultBytes(result: string | undefined): number {
  return OVERHEAD_BYTES + (result?.length ?? 0)
}
