/** What the runtime needs of a disk: an atomic, ordered, durable log with its hard state, and snapshot files beside it. */
import type { HardState, LogIndex, SnapshotInfo } from '../core/types.ts'
import type { EncodedBlock } from './encoded-block.ts'

/** Who a data directory belongs to. Written once, when the directory is made; checked at every open. */
export interface StorageIdentity {
  /** At open, '' accepts whichever cluster the directory belongs to. */
  readonly clusterId: string
  readonly nodeId: string
  /** At open: the cluster of a directory that is made now, if `clusterId` is ''. */
  readonly newClusterId?: string | undefined
}

/** What a storage found when it opened: verified, or the open failed. */
export interface RecoveredState {
  /** Random, made with the directory: a wiped disk has another one. */
  readonly directoryId: string
  /** As on disk (a joining node learns its cluster from there after the first start). */
  readonly identity: StorageIdentity
  /** Nothing was ever written here. */
  readonly isNew: boolean
  readonly hardState: HardState
  readonly snapshot: SnapshotInfo | undefined
  /** The log's blocks in order, contiguous, without their bytes. The first one starts at or before snapshot.index + 1. */
  readonly blocks: readonly Omit<EncodedBlock, 'bytes'>[]
}

/** One atomic write, in the order of the fields (see `Persist` in core/effects.ts). */
export interface StorageWrite {
  /** Recorded as the node's newest snapshot; its file is already durable. `resetLog`: drops every block. */
  readonly snapshot?: { readonly info: SnapshotInfo; readonly resetLog: boolean } | undefined
  readonly truncateAfter?: LogIndex | undefined
  readonly blocks: readonly EncodedBlock[]
  readonly hardState?: HardState | undefined
  readonly compactTo?: LogIndex | undefined
  /** false: durability may wait for the next write that is urgent (or for close). */
  readonly isUrgent: boolean
}

/**
 * The law:
 * - `write` is atomic, and resolves only when all of it, and all writes before it, would survive a power cut (unless not urgent).
 *   One exception is safe and allowed: a crash within a write may leave its term and vote without the rest, never the reverse; and
 *   its commit index only as far as that holds for the log that is there then.
 * - A write that does not fit the log (a hole, a falling term, a start beyond the snapshot) is refused and changes nothing.
 * - The runtime has at most one `write` outstanding. Reads may overlap it, and see the log before or after it.
 * - Fail-stop: after one failed write every later call rejects with the same error; the storage never retries, never heals itself.
 * - What it returns is what was written: corruption is an error (ERR_RAFT_CORRUPT), never a hole, never an older vote.
 * - Every rejection is a RaftError. A call before `open` or after `close` rejects; it never crashes the process.
 * An implementor must NOT: acknowledge before the sync, reorder writes, keep a reference to `bytes` after `write` resolved and
 * change them, block the event loop for long.
 */
export interface Storage {
  /** Opens or creates; refuses a directory of another cluster or node, in use, damaged, or of an unknown format. */
  open(identity: StorageIdentity): Promise<RecoveredState>
  write(write: StorageWrite): Promise<void>
  /**
   * Whole blocks from the one that starts at `from`, at least one, at most about `bytesMax` bytes.
   * Rejects with ERR_RAFT_COMPACTED if there is no block that starts there.
   */
  read(from: LogIndex, bytesMax: number): Promise<EncodedBlock[]>
  readonly snapshots: SnapshotStore
  /** Free bytes where the data lives, or undefined if the storage cannot know. */
  freeBytes(): Promise<number | undefined>
  /** Idempotent; waits for the outstanding write. */
  close(): Promise<void>
}

/** Snapshot files: written whole or not at all, checksummed, listed after a crash. */
export interface SnapshotStore {
  /** Begins a new file, or (after a broken transfer) goes on with the partial one of the same id: see `writer.offset`. */
  create(info: SnapshotInfo): Promise<SnapshotWriter>
  /** The file's bytes from `offset`, in chunks; rejects with ERR_RAFT_CORRUPT if they do not match their checksums. */
  read(id: string, offset: number): AsyncIterable<Uint8Array>
  /** Ids of the whole files on disk. */
  list(): Promise<readonly string[]>
  /** Removes whole and partial files other than these. */
  retain(ids: readonly string[]): Promise<void>
}

export interface SnapshotWriter {
  /** Bytes already there from an earlier, broken attempt; 0 for a new one. */
  readonly offset: number
  /** Resolves when the writer can take more (back-pressure). */
  write(chunk: Uint8Array): Promise<void>
  /** Verifies, syncs, renames into place: durable when resolved. Returns the size in bytes. */
  finish(): Promise<number>
  /** Keeps the partial file for a later attempt. */
  suspend(): Promise<void>
  /** Removes the partial file. */
  discard(): Promise<void>
}
