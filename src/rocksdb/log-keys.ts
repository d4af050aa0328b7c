/** The keys of the database. A block's key holds where it starts and the term before it, so that each block vouches for its neighbour. */
import type { LogIndex, Term } from '../core/types.ts'
import type { KeyRange } from './binding.ts'

const BLOCK = 'b'.charCodeAt(0)
const BLOCK_KEY_BYTES = 17

/** What the log consists of after the newest write: a LogSummary, sealed. */
export const SUMMARY_KEY: Buffer = Buffer.from('summary')
/** The newest snapshot: a SnapshotRecord, sealed. */
export const SNAPSHOT_KEY: Buffer = Buffer.from('snapshot')

/** 'b', u64 first index, u64 term of the entry before; big-endian, so that the order of keys is the order of the log. */
export function blockKey(first: LogIndex, termBefore: Term): Buffer {
  const key = Buffer.allocUnsafe(BLOCK_KEY_BYTES)
  key[0] = BLOCK
  key.writeBigUInt64BE(BigInt(first), 1)
  key.writeBigUInt64BE(BigInt(termBefore), 9)
  return key
}

/** Every block that starts in [from, to), whatever comes before it; without `to`, up to the end. */
export function blockRange(from: LogIndex, to?: LogIndex): KeyRange {
  return { gte: blockKey(from, 0), lt: to === undefined ? Buffer.of(BLOCK + 1) : blockKey(to, 0) }
}

/** Reads a block's key; undefined if it is none. */
export function parseBlockKey(key: Buffer): { readonly first: LogIndex; readonly termBefore: Term } | undefined {
  if (key.length !== BLOCK_KEY_BYTES || key[0] !== BLOCK) return undefined
  return { first: Number(key.readBigUInt64BE(1)), termBefore: Number(key.readBigUInt64BE(9)) }
}
