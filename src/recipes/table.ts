/** The state of a recipe: JSON values by key, with an incremental digest, and their snapshot. */
import { RaftError } from '../errors.ts'
import { Digest } from '../kv/digest.ts'
import { collectChunks, textOf, utf8 } from '../platform/bytes.ts'
import { errorMessage } from '../platform/error-message.ts'

const FORMAT = 1
/** The approximate size of a chunk of a snapshot, in characters. */
const CHUNK_LENGTH = 64 * 1024

/** Values are never changed, only replaced. */
export class Table<Value> {
  readonly #values = new Map<string, Value>()
  readonly #digest = new Digest()

  get size(): number {
    return this.#values.size
  }

  get(key: string): Value | undefined {
    return this.#values.get(key)
  }

  set(key: string, value: Value): void {
    this.delete(key)
    this.#values.set(key, value)
    this.#digest.add(key, hashed(value))
  }

  delete(key: string): boolean {
    const previous = this.#values.get(key)
    if (previous === undefined) return false
    this.#digest.remove(key, hashed(previous))
    return this.#values.delete(key)
  }

  /** A copy, so that entries may be deleted meanwhile. */
  entries(): readonly (readonly [key: string, value: Value])[] {
    return [...this.#values]
  }

  digest(): string {
    return this.#digest.toString()
  }
}

function hashed(value: unknown): { readonly value: string; readonly version: number; readonly index: number } {
  return { value: JSON.stringify(value), version: 0, index: 0 }
}

/** Lines of JSON: the recipe and its other fields, the entries, and their number with the digest. */
export function snapshotOf<Value>(recipe: string, fields: object, table: Table<Value>): Iterable<Uint8Array> {
  const end = { entries: table.size, digest: table.digest() }
  return lines([{ recipe, format: FORMAT, ...fields }, ...table.entries(), end])
}

function* lines(values: readonly unknown[]): Generator<Uint8Array> {
  let chunk = ''
  for (const value of values) {
    chunk += `${JSON.stringify(value)}\n`
    if (chunk.length < CHUNK_LENGTH) continue
    yield utf8(chunk)
    chunk = ''
  }
  if (chunk !== '') yield utf8(chunk)
}

/** Reads a snapshot. Throws ERR_RAFT_CORRUPT unless it is one of this recipe, and complete. */
export async function restoreTable<Fields, Value>(
  recipe: string,
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ readonly fields: Fields; readonly table: Table<Value> }> {
  const text = textOf(await collectChunks(chunks))
  const values = text.split('\n').slice(0, -1).map(parsed(recipe))
  const fields = values[0] as (Fields & { readonly recipe?: unknown; readonly format?: unknown }) | undefined
  if (fields?.recipe !== recipe || fields.format !== FORMAT)
    throw unusable(recipe, `it does not start as one of the recipe '${recipe}' in format ${FORMAT}`)
  const table = new Table<Value>()
  for (const [key, value] of values.slice(1, -1) as [string, Value][]) table.set(key, value)
  const end = values.at(-1) as { readonly entries?: unknown; readonly digest?: unknown }
  if (values.length < 2 || end.entries !== table.size || end.digest !== table.digest())
    throw unusable(recipe, 'its end is missing, or does not match its entries')
  return { fields, table }
}

function parsed(recipe: string): (line: string) => unknown {
  return (line) => {
    try {
      return JSON.parse(line)
    } catch (error) {
      throw unusable(recipe, errorMessage(error))
    }
  }
}

function unusable(recipe: string, why: string): RaftError {
  return new RaftError('ERR_RAFT_CORRUPT', `the snapshot cannot be restored as '${recipe}': ${why}`)
}
