/** Durable storage of a node: the log and the hard state, written atomically and in order, and snapshot files. */
import type { Boot, HardState, LogIndex, SnapshotInfo } from '../core/types.ts'
import type { ErrorCode } from '../errors.ts'
import type { EncodedBlock } from './encoded-block.ts'

/** The cluster and node that a data directory belongs to. Written when the directory is created, checked at every open. */
export interface StorageIdentity {
  /** At open, '' accepts any cluster. */
  readonly clusterId: string
  readonly nodeId: string
  /** At open: the cluster id of a new directory, if `clusterId` is ''. */
  readonly newClusterId?: string | undefined
}

/**
 * The boots of a data directory. A copy of the directory shares the boots before the copy was made and draws others after it, so peers
 * that remember a boot recognize an older copy, and a copy that runs beside the original.
 */
export interface BootHistory extends Boot {
  /** The ids of the boots before this one, the latest first: at most `EARLIER_BOOTS_MAX`. */
  readonly earlier: readonly string[]
}

/** How many earlier boots a storage keeps. */
export const EARLIER_BOOTS_MAX = 64

/** The next boot of a directory. `id` is random. */
export function nextBoot(last: BootHistory | undefined, id: string): BootHistory {
  if (last === undefined) return { number: 1, id, earlier: [] }
  return { number: last.number + 1, id, earlier: [last.id, ...last.earlier].slice(0, EARLIER_BOOTS_MAX) }
}

/** Why a data directory must never be used again. */
export interface Unusable {
  readonly code: ErrorCode
  readonly message: string
}

/** What a storage contains when it is opened. It is verified: if that fails, `open` rejects. */
export interface RecoveredState {
  /** A random id, created with the directory: an emptied disk gets a new one. */
  readonly directoryId: string
  /** Drawn and made durable by this open. Its number is one more than at the last successful open; 1 in a new directory. */
  readonly boot: BootHistory
  /** As stored. */
  readonly identity: StorageIdentity
  /** The cluster that this one was recovered from, if it was: its nodes are rejected and stop. */
  readonly replacedClusterId?: string | undefined
  /** True if nothing has been written yet. */
  readonly isNew: boolean
  readonly hardState: HardState
  readonly snapshot: SnapshotInfo | undefined
  /** The blocks of the log without their bytes, in order and contiguous. The first one starts at or before snapshot.index + 1. */
  readonly blocks: readonly Omit<EncodedBlock, 'bytes'>[]
}

/** One atomic write. It takes effect in the order of the fields of `Persist` in core/effects.ts. */
export interface StorageWrite {
  /** Records the newest snapshot, whose file is durable already. `resetLog` removes every block. */
  readonly snapshot?: { readonly info: SnapshotInfo; readonly resetLog: boolean } | undefined
  /** Removes the blocks that start after this index. */
  readonly truncateAfter?: LogIndex | undefined
  readonly blocks: readonly EncodedBlock[]
  readonly hardState?: HardState | undefined
  /** Removes the blocks that end at or before this index. May be deferred. */
  readonly compactTo?: LogIndex | undefined
  /** If false, durability may wait for the next urgent write, or for `close`. */
  readonly isUrgent: boolean
}

/**
 * An implementation must satisfy these rules; `storageContract` of quorate/testing tests them.
 * - `write` is atomic. It resolves only when it and all earlier writes would survive a power failure (unless it is not urgent).
 *   One exception is allowed, because it is safe: after a crash during a write, its term and vote may be stored without the rest,
 *   but never the rest without them. Its commit index may then cover only those entries of the stored log that are committed.
 * - A write that does not fit the log (a gap, a decreasing term, a start after the snapshot) is rejected and changes nothing.
 * - The runtime has at most one pending `write`. Reads may overlap it, and see the log before or after it.
 * - Fail-stop: after a failed write every later call rejects with the same error. The storage does not retry or repair.
 * - Reads return what was written. Corruption is an error (ERR_RAFT_CORRUPT), never a gap in the log and never an older vote.
 * - Every rejection is a RaftError. A call before `open` or after `close` rejects; it does not crash the process.
 * It must NOT resolve before the sync, reorder writes, modify `bytes`, or block the event loop for long.
 */
export interface Storage {
  /** What it is, in a word, for the status and the log of a node: 'rocksdb'. */
  readonly name?: string | undefined
  /** How many writes have stopped the event loop since it was opened, because they were made on its thread; undefined if it makes none this way. */
  readonly immediateWrites?: number | undefined
  /**
   * Opens or creates the data directory. Rejects if it belongs to another cluster or node, is in use, damaged, marked as unusable or of
   * an unknown format; then the number of its boot is unchanged, or one more.
   */
  open(identity: StorageIdentity): Promise<RecoveredState>
  write(write: StorageWrite): Promise<void>
  /**
   * Returns whole blocks, from the one that starts at `from`: at least one, then as many as fit into `bytesMax`.
   * Rejects with ERR_RAFT_COMPACTED if no block starts there.
   */
  read(from: LogIndex, bytesMax: number): Promise<EncodedBlock[]>
  readonly snapshots: SnapshotStore
  /** Free disk space in bytes, or undefined if it is unknown. */
  freeBytes(): Promise<number | undefined>
  /**
   * Durably marks the directory: every later open rejects with this code and message. Also works after a failed write. Called when it
   * is certain that the directory has lost what it acknowledged, or that a copy of it is in use.
   */
  markUnusable(reason: Unusable): Promise<void>
  /** Waits for the pending write. Idempotent. */
  close(): Promise<void>
}

/** Snapshot files. A file is complete or partial, its content is checksummed, and both survive a restart. */
export interface SnapshotStore {
  /** Creates a file, or resumes the partial one of the same id at `writer.offset`. */
  create(info: SnapshotInfo): Promise<SnapshotWriter>
  /** The bytes of a complete file from `offset`, in chunks. Rejects with ERR_RAFT_CORRUPT if a checksum does not match. */
  read(id: string, offset: number): AsyncIterable<Uint8Array>
  /** The ids of the complete files. */
  list(): Promise<readonly string[]>
  /** Removes all complete and partial files except these. */
  retain(ids: readonly string[]): Promise<void>
}

export interface SnapshotWriter {
  /** The number of bytes that an earlier, interrupted attempt has written; 0 for a new file. */
  readonly offset: number
  /** Resolves when the writer accepts more (back-pressure). */
  write(chunk: Uint8Array): Promise<void>
  /** Verifies and syncs the file: it is complete and durable once this resolves. Returns its size in bytes. */
  finish(): Promise<number>
  /** Keeps the partial file for a later attempt. */
  suspend(): Promise<void>
  /** Removes the partial file. */
  discard(): Promise<void>
}
