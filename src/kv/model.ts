/** The words of the key-value service: what can be commanded and asked, what comes back, and the limits. */
import type { LogIndex } from '../core/types.ts'

/** A key is 1 to this many bytes of UTF-8. A value is as long as the node takes a command. */
export const KEY_BYTES_MAX = 1024

/** A page of a listing ends at this many entries, or (after at least one) at about this many bytes. */
export const LIST_ENTRIES_MAX = 1000
export const LIST_BYTES_MAX: number = 1024 * 1024

/** One key's value, with how often it was written since it was made and the index of its last write. */
export interface KvEntry {
  readonly key: string
  readonly value: Uint8Array
  /** 1 for a new key, one more with every write; a deleted key starts again. */
  readonly version: number
  readonly index: LogIndex
}

/** What a compare-and-set wants to find: no such key, this value, or the write at this index. */
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
  /** Bytes that are no command. Anyone may send some, and they are in the log: every node answers them the same refusal. */
  | { readonly type: 'malformed'; readonly reason: string }

export type KvResult =
  | { readonly type: 'written'; readonly version: number }
  | { readonly type: 'deleted' }
  /** There was nothing to delete. */
  | { readonly type: 'absent' }
  /** The compare-and-set found something else, and changed nothing. */
  | { readonly type: 'mismatch'; readonly entry: KvEntry | undefined }
  | { readonly type: 'refused'; readonly reason: string }

export type KvQuery =
  | { readonly type: 'get'; readonly key: string }
  /** Keys that begin with `prefix`, in order of their UTF-16 code units, from the one behind `after` on. */
  | { readonly type: 'list'; readonly prefix: string; readonly after?: string | undefined; readonly limit: number }
  /** A hash of the whole state: equal on two nodes that applied the same commands. */
  | { readonly type: 'digest' }
  | { readonly type: 'malformed'; readonly reason: string }

export type KvAnswer =
  | { readonly type: 'found'; readonly entry: KvEntry }
  | { readonly type: 'absent' }
  /** `more`: go on behind the last key. */
  | { readonly type: 'listed'; readonly entries: readonly KvEntry[]; readonly more: boolean }
  | { readonly type: 'digest'; readonly count: number; readonly digest: string }
  | { readonly type: 'refused'; readonly reason: string }
