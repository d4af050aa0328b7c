/** The commands, results, queries and answers of the key-value service, and its limits. */
import type { LogIndex } from '../core/types.ts'

/** The largest key, in bytes of UTF-8; the smallest is 1. The value size is limited by `commandBytesMax` of the node. */
export const KEY_BYTES_MAX = 1024

/** A page of a listing ends at this many entries, or after about this many bytes (but has at least one entry). */
export const LIST_ENTRIES_MAX = 1000
export const LIST_BYTES_MAX: number = 1024 * 1024

/** A key with its value, its version and the index of its last write. */
export interface KvEntry {
  readonly key: string
  readonly value: Uint8Array
  /** 1 for a new key, incremented by every write; it restarts at 1 after a delete. */
  readonly version: number
  readonly index: LogIndex
}

/** The condition of a compare-and-set: the key does not exist, has this value, or was last written at this index. */
export type KvExpectation =
  | { readonly type: 'absent' }
  | { readonly type: 'value'; readonly value: Uint8Array }
  | { readonly type: 'index'; readonly index: LogIndex }

export type KvCommand =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'delete'; readonly key: string }
  | {
      readonly type: 'compareAndSet'
      readonly key: string
      readonly expected: KvExpectation
      readonly value: Uint8Array
    }
  /** Bytes that do not decode to a command. They may be in the log; every node answers them with the same refusal. */
  | { readonly type: 'malformed'; readonly reason: string }

export type KvResult =
  | { readonly type: 'written'; readonly version: number }
  | { readonly type: 'deleted' }
  /** There was nothing to delete. */
  | { readonly type: 'absent' }
  /** The condition of the compare-and-set does not hold; nothing was changed. */
  | { readonly type: 'mismatch'; readonly entry: KvEntry | undefined }
  | { readonly type: 'refused'; readonly reason: string }

export type KvQuery =
  | { readonly type: 'get'; readonly key: string }
  /** Keys that start with `prefix`, in the order of their UTF-16 code units, starting after the key `after`. */
  | { readonly type: 'list'; readonly prefix: string; readonly after?: string | undefined; readonly limit: number }
  /** A hash of the whole state, equal on all nodes that have applied the same commands. */
  | { readonly type: 'digest' }
  | { readonly type: 'malformed'; readonly reason: string }

export type KvAnswer =
  | { readonly type: 'found'; readonly entry: KvEntry }
  | { readonly type: 'absent' }
  /** If `more`, the next page starts after the last key of this one. */
  | { readonly type: 'listed'; readonly entries: readonly KvEntry[]; readonly more: boolean }
  | { readonly type: 'digest'; readonly count: number; readonly digest: string }
  | { readonly type: 'refused'; readonly reason: string }
