/** The keys of the database. A block's key contains its first index and the term of the entry before it, to detect missing blocks. */
import type { LogIndex, Term } from '../core/types.ts'
import type { KeyRange } from './binding.ts'

const BLOCK = 'b'.charCodeAt(0)
const BLOCK_KEY_BYTES = 17

/** The LogSummary of the newest write, as checksummed JSON. */
export const SUMMARY_KEY: Buffer = Buffer.from('summary')
/** The SnapshotRecord of the newest snapshot, as checksummed JSON. */
export const SNAPSHOT_KEY: Buffer = Buffer.from('snapshot')

/** 'b' | u64 first index | u64 term of the entry before, big-endian, so that keys sort in the order of the log. */
export function blockKey(first: LogIndex, termBefore: Term): Buffer {
  const key = Buffer.allocUnsafe(BLOCK_KEY_BYTES)
  key[0] = BLOCK
  key.writeBigUInt64BE(BigInt(first), 1)
  key.writeBigUInt64BE(BigInt(termBefore), 9)
  return key
}

/** All blocks that start in [from, to), or from `from` on without `to`. */
export function blockRange(from: LogIndex, to?: LogIndex): KeyRange {
  return { gte: blockKey(from, 0), lt: to === undefined ? Buffer.of(BLOCK + 1) : blockKey(to, 0) }
}

/** Parses the key of a block; undefined if it is another key. */
export function parseBlockKey(key: Buffer): { readonly first: LogIndex; readonly termBefore: Term } | undefined {
  if (key.length !== BLOCK_KEY_BYTES || key[0] !== BLOCK) return undefined
  return { first: Number(key.readBigUInt64BE(1)), termBefore: Number(key.readBigUInt64BE(9)) }
}
