/** State machines with one fault each. */
import type { StateMachine } from '../../src/contracts/state-machine.ts'
import { Sum } from './importable-machines.ts'

/** A sum that calls this function for every command and returns its result. */
export function calling(call: () => unknown): new () => Sum {
  return class extends Sum {
    override apply(add: number): unknown {
      super.apply(add)
      return call()
    }
  }
}

export function snapshotOf(
  give: (total: number) => Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): new () => StateMachine<number, unknown> {
  return class extends Sum {
    override snapshot(): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
      return give(this.total)
    }
  }
}

/** A sum that calls this function after every restore, with its state before the restore. */
export function restoring(after: (machine: Sum, before: number) => Promise<void> | void): new () => Sum {
  return class extends Sum {
    override async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
      const before = this.total
      await super.restore(chunks)
      await after(this, before)
    }
  }
}

export async function* neverEndingChunks(): AsyncIterable<Uint8Array> {
  await new Promise(() => {})
}

export class InstanceDependent extends Sum {
  static instances = 0
  readonly #number = InstanceDependent.instances++

  override apply(add: number): unknown {
    return Number(super.apply(add)) + this.#number
  }
}

let shared = 0

export class StaticState extends Sum {
  override apply(add: number): unknown {
    shared += add + 1
    return 0
  }

  override snapshot(): Iterable<Uint8Array> {
    return [Buffer.from(String(shared))]
  }
}

/** Its results depend on a count that is not in its snapshot. */
export function IncompleteSnapshotAfter(commands: number): new () => Sum {
  return class extends Sum {
    #count = 0

    override apply(add: number): unknown {
      this.#count++
      return Number(super.apply(add)) * 1000 + (this.#count > commands ? this.#count : 0)
    }
  }
}

export class LateSnapshot extends Sum {
  override *snapshot(): Iterable<Uint8Array> {
    yield Buffer.alloc(0)
    yield Buffer.from(String(this.total))
  }
}

export class SnapshotAfterAwait extends Sum {
  override async *snapshot(): AsyncIterable<Uint8Array> {
    await new Promise<void>((resolve) => resolve())
    yield Buffer.from(String(this.total))
  }
}

export class OneSnapshotAtATime extends Sum {
  #left: Buffer[] = []

  override *snapshot(): Iterable<Uint8Array> {
    this.#left = [...String(this.total + 10)].map((digit) => Buffer.from(digit))
    for (let chunk = this.#left.shift(); chunk !== undefined; chunk = this.#left.shift()) yield chunk
  }
  override async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    await super.restore(chunks)
    this.total -= 10
  }
}

export class BufferReuser extends Sum {
  readonly #bytes = new Uint32Array(1)

  override apply(add: number): unknown {
    this.#bytes[0] = Number(super.apply(add))
    return this.total
  }

  override snapshot(): Iterable<Uint8Array> {
    return [new Uint8Array(this.#bytes.buffer)]
  }

  override async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const all: Uint8Array[] = []
    for await (const chunk of chunks) all.push(chunk)
    this.#bytes[0] = this.total = Buffer.concat(all).readUInt32LE()
  }
}

/** A sum that answers queries in a way of its own. */
export class QueryableSum extends Sum implements StateMachine<number, unknown, string, unknown> {
  applied = 0
  readonly #answer: (asked: QueryableSum) => unknown

  constructor(answer: (asked: QueryableSum) => unknown) {
    super()
    this.#answer = answer
  }

  override apply(add: number): unknown {
    this.applied++
    return super.apply(add)
  }

  query(_query: string): unknown {
    return this.#answer(this)
  }
}

export abstract class ListMachine implements StateMachine<number[], number> {
  kept: number[] | undefined

  abstract apply(items: number[]): number

  snapshot(): Iterable<Uint8Array> {
    return [Buffer.from(JSON.stringify(this.kept ?? null))]
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let text = ''
    for await (const chunk of chunks) text += Buffer.from(chunk).toString()
    this.kept = JSON.parse(text) ?? undefined
  }
}
