/**
 * Puts the table of sessions before the state machine's bytes in a snapshot: 16 bytes that mark it | u32 version | u32 length | the table. A
 * snapshot without the mark has no table. In version 2 the table follows f64 machine version; it is written once that is above 1, so that a
 * release that does not know it rejects the snapshot.
 */
import { RaftError } from '../errors.ts'
import { SessionTable } from './session-table.ts'
import { encodeTable } from './table-bytes.ts'

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
const VERSION_WITH_MACHINE = 2
const MACHINE_VERSION_BYTES = 8
const HEADER_BYTES = MARK.length + 8
const CHUNK_BYTES = 64 * 1024

/** The bytes of the table of sessions, and the machine version. */
export interface StoredTable {
  readonly bytes: Uint8Array
  readonly machineVersion: number
}

/**
 * `table` is undefined if no session was ever used and the machine version is 1: nothing is added then, unless the machine's own bytes begin
 * like the mark. The machine's first chunk is requested at once, because it is what captures the state.
 */
export function withTable(chunks: Chunks, table: StoredTable | undefined): Chunks {
  if (Symbol.asyncIterator in chunks) {
    const source = chunks[Symbol.asyncIterator]()
    return joinAsync(source, source.next(), table)
  }
  const source = chunks[Symbol.iterator]()
  return joinSync(source, source.next(), table)
}

function* joinSync(
  source: Iterator<Uint8Array>,
  first: IteratorResult<Uint8Array>,
  table: StoredTable | undefined,
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
  table: StoredTable | undefined,
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

function emptyTable(): StoredTable {
  return { bytes: encodeTable(new SessionTable(), { results: true }), machineVersion: 1 }
}

function* prefixOf(table: StoredTable | undefined): Generator<Uint8Array, void, undefined> {
  if (table === undefined) return
  const { bytes, machineVersion } = table
  const hasVersion = machineVersion > 1
  const header = new Uint8Array(HEADER_BYTES + (hasVersion ? MACHINE_VERSION_BYTES : 0))
  const view = new DataView(header.buffer)
  header.set(MARK)
  view.setUint32(MARK.length, hasVersion ? VERSION_WITH_MACHINE : VERSION, true)
  view.setUint32(MARK.length + 4, header.length - HEADER_BYTES + bytes.length, true)
  if (hasVersion) view.setFloat64(HEADER_BYTES, machineVersion, true)
  yield header
  for (let offset = 0; offset < bytes.length; offset += CHUNK_BYTES) yield bytes.subarray(offset, offset + CHUNK_BYTES)
}

/** Splits a snapshot into the table, which is empty if there is none, and the chunks of the state machine. */
export async function splitTable(
  chunks: AsyncIterable<Uint8Array>,
): Promise<StoredTable & { readonly rest: AsyncIterable<Uint8Array> }> {
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
  if (!hasTable) return { ...emptyTable(), rest: remaining(bytes, source) }
  if (!(await readUpTo(HEADER_BYTES))) throw endsEarlyError()
  const header = concat(bytes)
  const view = new DataView(header.buffer)
  const version = view.getUint32(MARK.length, true)
  if (version !== VERSION && version !== VERSION_WITH_MACHINE)
    throw new RaftError(
      'ERR_RAFT_FORMAT',
      `the table of sessions in a snapshot has version ${version}, above ${VERSION_WITH_MACHINE}`,
      {
        hint: 'a later release of quorate wrote it: install that release on this node',
      },
    )
  const end = HEADER_BYTES + view.getUint32(MARK.length + 4, true)
  if (!(await readUpTo(end))) throw endsEarlyError()
  const all = concat(bytes)
  const rest = remaining([all.subarray(end)], source)
  if (version === VERSION) return { bytes: all.subarray(HEADER_BYTES, end), machineVersion: 1, rest }
  const machineVersion = new DataView(all.buffer).getFloat64(HEADER_BYTES, true)
  return { bytes: all.subarray(HEADER_BYTES + MACHINE_VERSION_BYTES, end), machineVersion, rest }
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
