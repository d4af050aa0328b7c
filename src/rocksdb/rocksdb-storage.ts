/** The durable storage: the log in RocksDB, term and vote in two small files, snapshots in files of their own; one directory per node. */
import { statfs } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { EncodedBlock } from '../contracts/block.ts'
import type { RecoveredState, SnapshotStore, Storage, StorageIdentity, StorageWrite } from '../contracts/storage.ts'
import type { LogIndex } from '../core/types.ts'
import { RaftError } from '../errors.ts'
import type { Binding } from './binding.ts'
import { loadBinding } from './binding.ts'
import { DataDirectory } from './data-directory.ts'
import { LogStore } from './log-store.ts'
import { removeOwner } from './owner-file.ts'
import { openDirectory } from './recovery.ts'
import { SnapshotFiles } from './snapshot-files.ts'
import { storageError } from './storage-errors.ts'

export interface RocksDBStorageOptions {
  /** Where everything lies; made, with its parents, if it is not there. */
  readonly directory: string
  /** RocksDB keeps up to two of these in memory before it writes them out; its own log grows to about one. */
  readonly writeBufferBytes?: number | undefined
  /** RocksDB's cache of what it read. */
  readonly cacheBytes?: number | undefined
  /** How soon after a write the log's end is marked in the hard-state files, so that losing it is noticed at the next open. */
  readonly markDelayMs?: number | undefined
  /** The addon, if it is not the package `rocksdb`: a fork with the same interface. */
  readonly binding?: Binding | undefined
}

export const ROCKSDB_STORAGE_DEFAULTS = {
  writeBufferBytes: 32 * 1024 * 1024,
  cacheBytes: 8 * 1024 * 1024,
  markDelayMs: 1000,
} as const satisfies Omit<RocksDBStorageOptions, 'directory' | 'binding'>

/** The storage of one node, for one life: after `close`, make another one. The law is in contracts/storage.ts. */
export class RocksDBStorage implements Storage {
  readonly snapshots: SnapshotStore
  readonly #directory: DataDirectory
  readonly #options: RocksDBStorageOptions
  readonly #files: SnapshotFiles
  #state: 'new' | 'opening' | 'open' | 'closing' | 'closed' = 'new'
  #opening: Promise<LogStore> | undefined
  #log: LogStore | undefined
  #closed: Promise<void> | undefined

  constructor(options: RocksDBStorageOptions) {
    this.#options = options
    this.#directory = new DataDirectory(resolve(options.directory))
    this.#files = new SnapshotFiles(this.#directory.snapshots, () => this.#usable())
    this.snapshots = this.#files
  }

  async open(identity: StorageIdentity): Promise<RecoveredState> {
    if (this.#state !== 'new') throw this.#refusal('it is opened once; make a new one to open it again')
    this.#state = 'opening'
    const opening = this.#open(identity)
    this.#opening = opening.then(({ log }) => log)
    this.#opening.catch(() => undefined)
    const { log, recovered } = await opening
    if (this.#state !== 'opening') throw this.#refusal('it was closed while it opened')
    this.#log = log
    this.#state = 'open'
    return recovered
  }

  async write(write: StorageWrite): Promise<void> {
    await this.#usable().write(write)
  }

  async read(from: LogIndex, bytesMax: number): Promise<EncodedBlock[]> {
    return this.#usable().read(from, bytesMax)
  }

  async freeBytes(): Promise<number | undefined> {
    this.#usable()
    try {
      const { bavail, bsize } = await statfs(this.#directory.path)
      return bavail * bsize
    } catch (cause) {
      throw storageError(cause, `ask for the free space of ${this.#directory.path}`)
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #open(identity: StorageIdentity): Promise<{ readonly log: LogStore; readonly recovered: RecoveredState }> {
    const { binding = loadBinding(), ...options } = this.#options
    const { writeBufferBytes, cacheBytes, markDelayMs } = ROCKSDB_STORAGE_DEFAULTS
    const opened = await openDirectory(this.#directory, identity, {
      binding,
      writeBufferBytes: options.writeBufferBytes ?? writeBufferBytes,
      cacheBytes: options.cacheBytes ?? cacheBytes,
      verifySnapshot: (info) => this.#files.verify(info),
    })
    const { clusterId, nodeId, directoryId } = opened.identity
    const log = new LogStore({
      ...opened,
      location: this.#directory.log,
      markDelayMs: options.markDelayMs ?? markDelayMs,
    })
    const { hardState, snapshot } = log
    const blocks = [...log.blocks]
    const isNew = hardState.term === 0 && snapshot === undefined && blocks.length === 0
    return { log, recovered: { directoryId, identity: { clusterId, nodeId }, isNew, hardState, snapshot, blocks } }
  }

  async #close(): Promise<void> {
    this.#state = 'closing'
    const log = await this.#opening?.catch(() => undefined)
    try {
      await this.#files.close()
      await log?.close()
      if (log !== undefined) await removeOwner(this.#directory.owner)
    } catch (cause) {
      throw storageError(cause, `close the data directory ${this.#directory.path}`)
    } finally {
      this.#state = 'closed'
    }
  }

  #usable(): LogStore {
    if (this.#state !== 'open' || this.#log === undefined) throw this.#refusal('it answers only while it is open')
    this.#log.assertSound()
    return this.#log
  }

  #refusal(why: string): RaftError {
    return new RaftError('ERR_RAFT_CLOSED', `the storage in ${this.#directory.path} is ${this.#state}: ${why}`)
  }
}
