/**
 * Puts the table of sessions before the state machine's bytes in a snapshot: 16 bytes that mark it | u32 version | u32 length | the table. A
 * snapshot without the mark has no table.
 */
import { RaftError } from '../errors.ts'

type Chunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>

const MARK = Uint8Array.of(
  0x51,
  0x4b,
  0x53,
  0xf1,
  0x8d,
  0x02,
  0xc7,
  0x5e,
  0xb9,
  0x34,
  0xe6,
  0x9a,
  0x11,
  0x70,
  0xdf,
  0x0a,
)
const VERSION = 1
const HEADER_BYTES = MARK.length + 8
const CHUNK_BYTES = 64 * 1024

/**
 * `table` is undefined if no session was ever used: nothing is added then, unless the machine's own bytes begin like the mark. `emptyTable`
 * supplies the table for that case. The machine's first chunk is requested at once, because it is what captures the state.
 */
export function withTable(chunks: Chunks, table: Uint8Array | undefined, emptyTable: () => Uint8Array): Chunks {
  if (Symbol.asyncIterator in chunks) {
    const source = chunks[Symbol.asyncIterator]()
    return joinAsync(source, source.next(), table, emptyTable)
  }
  const source = chunks[Symbol.iterator]()
  return joinSync(source, source.next(), table, emptyTable)
}

function* joinSync(
  source: Iterator<Uint8Array>,
  first: IteratorResult<Uint8Array>,
  table: Uint8Array | undefined,
  emptyTable: () => Uint8Array,
): Generator<Uint8Array, void, undefined> {
  try {
    const head = new Head()
    let next = first
    for (; table === undefined && !head.isDecided && next.done !== true; next = source.next()) head.add(next.value)
    yield* prefixOf(table ?? (head.isMarked ? emptyTable() : undefined))
    yield* head.chunks
    for (; next.done !== true; next = source.next()) yield next.value
  } finally {
    source.return?.()
  }
}

async function* joinAsync(
  source: AsyncIterator<Uint8Array>,
  first: Promise<IteratorResult<Uint8Array>>,
  table: Uint8Array | undefined,
  emptyTable: () => Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    const head = new Head()
    let next = await first
    for (; table === undefined && !head.isDecided && next.done !== true; next = await source.next())
      head.add(next.value)
    yield* prefixOf(table ?? (head.isMarked ? emptyTable() : undefined))
    yield* head.chunks
    for (; next.done !== true; next = await source.next()) yield next.value
  } finally {
    await source.return?.()
  }
}

/** The first chunks of a stream, until it is known whether they begin with the mark. */
class Head {
  readonly chunks: Uint8Array[] = []
  #length = 0

  get isDecided(): boolean {
    return this.#length >= MARK.length
  }

  get isMarked(): boolean {
    return this.isDecided && startsWithMark(concat(this.chunks))
  }

  add(chunk: Uint8Array): void {
    this.chunks.push(chunk)
    this.#length += chunk.length
  }
}

function* prefixOf(table: Uint8Array | undefined): Generator<Uint8Array, void, undefined> {
  if (table === undefined) return
  const header = new Uint8Array(HEADER_BYTES)
  const view = new DataView(header.buffer)
  header.set(MARK)
  view.setUint32(MARK.length, VERSION, true)
  view.setUint32(MARK.length + 4, table.length, true)
  yield header
  for (let offset = 0; offset < table.length; offset += CHUNK_BYTES) yield table.subarray(offset, offset + CHUNK_BYTES)
}

/** Splits a snapshot into the bytes of the table, if there is one, and the chunks of the state machine. */
export async function splitTable(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ readonly table: Uint8Array | undefined; readonly rest: AsyncIterable<Uint8Array> }> {
  const source = chunks[Symbol.asyncIterator]()
  const bytes: Uint8Array[] = []
  let length = 0
  const readUpTo = async (wanted: number): Promise<boolean> => {
    while (length < wanted) {
      const next = await source.next()
      if (next.done === true) return false
      bytes.push(next.value)
      length += next.value.length
    }
    return true
  }
  const hasTable = (await readUpTo(MARK.length)) && startsWithMark(concat(bytes))
  if (!hasTable) return { table: undefined, rest: remaining(bytes, source) }
  if (!(await readUpTo(HEADER_BYTES))) throw endsEarlyError()
  const header = concat(bytes)
  const view = new DataView(header.buffer)
  const version = view.getUint32(MARK.length, true)
  if (version !== VERSION)
    throw new RaftError(
      'ERR_RAFT_FORMAT',
      `the table of sessions in a snapshot has version ${version}, not ${VERSION}`,
      {
        hint: 'a later release of quorate wrote it: install that release on this node',
      },
    )
  const end = HEADER_BYTES + view.getUint32(MARK.length + 4, true)
  if (!(await readUpTo(end))) throw endsEarlyError()
  const all = concat(bytes)
  return { table: all.subarray(HEADER_BYTES, end), rest: remaining([all.subarray(end)], source) }
}

async function* remaining(
  head: readonly Uint8Array[],
  source: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for (const chunk of head) if (chunk.length > 0) yield chunk
    for (let next = await source.next(); next.done !== true; next = await source.next()) yield next.value
  } finally {
    await source.return?.()
  }
}

function startsWithMark(bytes: Uint8Array): boolean {
  return MARK.every((byte, offset) => bytes[offset] === byte)
}

function concat(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let position = 0
  for (const chunk of chunks) {
    bytes.set(chunk, position)
    position += chunk.length
  }
  return bytes
}

function endsEarlyError(): RaftError {
  return new RaftError('ERR_RAFT_CORRUPT', 'the snapshot ends within the table of sessions')
}
