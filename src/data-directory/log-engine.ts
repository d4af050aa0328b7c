/** What a log store needs from the files that hold its blocks: RocksDB or segments. */
import type { StorageWrite } from '../contracts/storage.ts'
import type { LogIndex, SnapshotInfo } from '../core/types.ts'
import type { BlockHeader, BlockList, LogChange } from '../log-format/block-list.ts'
import type { DataDirectory } from './data-directory.ts'
import type { HardStateRecord } from './hard-state-file.ts'

/** One write to the log, with the state of the whole log after it. */
export interface LogWrite {
  /** Writes are numbered from 1 without gaps. */
  readonly number: number
  readonly write: StorageWrite
  readonly change: LogChange<BlockHeader>
  readonly commitIndex: LogIndex
  /** The newest snapshot after the write. */
  readonly snapshot: SnapshotInfo | undefined
}

/** `Head` is a block's header with its place in the files. */
export interface LogEngine<Head extends BlockHeader> {
  /** Writes atomically; durable once it resolves. Returns the appended blocks. Called by one write at a time. */
  write(log: BlockList<Head>, write: LogWrite): Promise<readonly Head[]>
  /** The bytes of the blocks at the offsets [from, to); undefined for one that has been removed. */
  read(log: BlockList<Head>, from: number, to: number): Promise<readonly (Buffer | undefined)[]>
  /** Whether there are blocks to remove that no longer belong to the log. */
  needsCleaning(log: BlockList<Head>): boolean
  /** Removes them, in the background. */
  clean(log: BlockList<Head>): Promise<void>
}

/** A log that was verified when the directory was opened. */
export interface OpenedLog<Head extends BlockHeader> {
  readonly engine: LogEngine<Head>
  readonly log: BlockList<Head>
  readonly snapshot: SnapshotInfo | undefined
  /** The number of the last write. */
  readonly write: number
  readonly commitIndex: LogIndex
}

/** The files of an engine while its directory is open. The directory is locked. */
export interface EngineFiles<Head extends BlockHeader> {
  /** Whether they contain no entries; unless the initialization was interrupted, nothing else either. */
  isUnused(wasInterrupted: boolean): Promise<boolean>
  /** Makes a new directory durable. */
  initialize(): Promise<void>
  /** Reads and verifies the log; rejects with ERR_RAFT_CORRUPT if it is shorter than the hard state says, or damaged. */
  recover(hardState: HardStateRecord): Promise<OpenedLog<Head>>
  /** Releases the lock. */
  close(): Promise<void>
}

/** Opens the files of an engine and locks the directory. With `mustExist`, they must exist. */
export type OpenEngine = (directory: DataDirectory, mustExist: boolean) => Promise<EngineFiles<BlockHeader>>
