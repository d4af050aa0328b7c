/** Encodes and decodes the key-value state as a stream of chunks. */
import { RaftError } from '../errors.ts'
import type { HashedEntry } from './digest.ts'
import { Digest } from './digest.ts'

/** The approximate size of a chunk; encoding one takes a fraction of a millisecond. */
export const SNAPSHOT_CHUNK_BYTES: number = 64 * 1024

const MAGIC = 0x31564b51 // 'QKV1'
const RECORD_HEADER_BYTES = 24
/** In place of a key length: the records have ended, and the count and the digest follow. */
const END = 0xffffffff
const END_BYTES = 4 + 8 + 16

/**
 * Layout, little-endian: u32 magic | records | u32 0xffffffff | f64 number of records | 16 digits of the digest.
 * A record: u32 length of the key | u32 length of the value | f64 version | f64 index | key | value.
 */
export function* encodeSnapshot(entries: Iterable<readonly [string, HashedEntry]>): Generator<Uint8Array> {
  const digest = new Digest()
  let count = 0
  let chunk = Buffer.allocUnsafe(SNAPSHOT_CHUNK_BYTES)
  let size = chunk.writeUInt32LE(MAGIC)
  for (const [key, entry] of entries) {
    const bytesMax = RECORD_HEADER_BYTES + 3 * key.length + entry.value.length
    if (size + bytesMax > chunk.length) {
      yield chunk.subarray(0, size)
      chunk = Buffer.allocUnsafe(Math.max(SNAPSHOT_CHUNK_BYTES, bytesMax))
      size = 0
    }
    size = writeRecord(chunk, size, key, entry)
    digest.add(key, entry)
    count++
  }
  yield chunk.subarray(0, size)
  const end = Buffer.allocUnsafe(END_BYTES)
  end.writeUInt32LE(END, 0)
  end.writeDoubleLE(count, 4)
  end.write(digest.toString(), 12, 'latin1')
  yield end
}

/** Returns the end of the record. */
function writeRecord(chunk: Buffer, at: number, key: string, entry: HashedEntry): number {
  const keyBytes = chunk.write(key, at + RECORD_HEADER_BYTES, 'utf8')
  chunk.writeUInt32LE(keyBytes, at)
  chunk.writeUInt32LE(entry.value.length, at + 4)
  chunk.writeDoubleLE(entry.version, at + 8)
  chunk.writeDoubleLE(entry.index, at + 16)
  const valueAt = at + RECORD_HEADER_BYTES + keyBytes
  return valueAt + chunk.write(entry.value, valueAt, 'latin1')
}

/**
 * Reads the records of a snapshot in order and adds each to `digest`, which must be empty.
 * Throws ERR_RAFT_CORRUPT unless the snapshot is complete and its stored digest is the same.
 */
export async function* decodeSnapshot(
  chunks: AsyncIterable<Uint8Array>,
  digest: Digest,
): AsyncGenerator<readonly [string, HashedEntry][]> {
  const decoder = new SnapshotDecoder(digest)
  for await (const chunk of chunks) yield decoder.decode(chunk)
  decoder.end()
}

class SnapshotDecoder {
  readonly #digest: Digest
  #count = 0
  #rest: Buffer = Buffer.alloc(0)
  #hasBegun = false
  #hasEnded = false

  constructor(digest: Digest) {
    this.#digest = digest
  }

  decode(chunk: Uint8Array): readonly [string, HashedEntry][] {
    const bytes = this.#rest.length === 0 ? asBuffer(chunk) : Buffer.concat([this.#rest, chunk])
    const records: [string, HashedEntry][] = []
    let at = this.#readMagic(bytes)
    while (!this.#hasEnded && at + 4 <= bytes.length) {
      const size = recordSize(bytes, at)
      if (size === undefined || at + size > bytes.length) break
      if (bytes.readUInt32LE(at) === END) this.#checkEnd(bytes, at)
      else records.push(this.#readRecord(bytes, at))
      at += size
    }
    this.#rest = Buffer.from(bytes.subarray(at))
    if (this.#hasEnded && this.#rest.length > 0) throw corrupt('bytes follow its end')
    return records
  }

  end(): void {
    if (!this.#hasEnded) throw corrupt('it ends too early')
  }

  #readMagic(bytes: Buffer): number {
    if (this.#hasBegun || bytes.length < 4) return 0
    if (bytes.readUInt32LE(0) !== MAGIC) throw corrupt('it does not start with the magic number of format 1')
    this.#hasBegun = true
    return 4
  }

  #readRecord(bytes: Buffer, at: number): [string, HashedEntry] {
    const keyEnd = at + RECORD_HEADER_BYTES + bytes.readUInt32LE(at)
    const key = bytes.toString('utf8', at + RECORD_HEADER_BYTES, keyEnd)
    const value = bytes.toString('latin1', keyEnd, keyEnd + bytes.readUInt32LE(at + 4))
    const entry = { value, version: bytes.readDoubleLE(at + 8), index: bytes.readDoubleLE(at + 16) }
    if (!Number.isSafeInteger(entry.version) || !Number.isSafeInteger(entry.index))
      throw corrupt('a version or index is not a whole number')
    this.#digest.add(key, entry)
    this.#count++
    return [key, entry]
  }

  #checkEnd(bytes: Buffer, at: number): void {
    const count = bytes.readDoubleLE(at + 4)
    if (count !== this.#count) throw corrupt(`it holds ${this.#count} keys, and its footer counts ${count}`)
    if (bytes.toString('latin1', at + 12, at + END_BYTES) !== this.#digest.toString())
      throw corrupt('its digest does not match its records')
    this.#hasEnded = true
  }
}

/** The size of the record at a position, or undefined while its header is incomplete. */
function recordSize(bytes: Buffer, at: number): number | undefined {
  const keyBytes = bytes.readUInt32LE(at)
  if (keyBytes === END) return END_BYTES
  if (at + RECORD_HEADER_BYTES > bytes.length) return undefined
  return RECORD_HEADER_BYTES + keyBytes + bytes.readUInt32LE(at + 4)
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function corrupt(what: string): RaftError {
  return new RaftError('ERR_RAFT_CORRUPT', `the key-value snapshot cannot be restored: ${what}`)
}
