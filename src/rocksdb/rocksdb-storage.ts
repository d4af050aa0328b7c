/** The durable storage: the log in RocksDB, term and vote in two small files, each snapshot in a separate file. */
import { resolve } from 'node:path'
import type { EncodedBlock } from '../contracts/encoded-block.ts'
import type {
  RecoveredState,
  SnapshotStore,
  Storage,
  StorageIdentity,
  StorageWrite,
  Unusable,
} from '../contracts/storage.ts'
import type { LogIndex } from '../core/types.ts'
import { RaftError } from '../errors.ts'
import { loadBinding } from './binding.ts'
import { markUnusable } from './boots-file.ts'
import { DataDirectory } from './data-directory.ts'
import { LogStore } from './log-store.ts'
import type { RocksDBStorageOptions } from './options.ts'
import { resolveOptions } from './options.ts'
import { removeOwner } from './owner-file.ts'
import { openDirectory } from './recovery.ts'
import { RocksDBFiles } from './rocksdb-engine.ts'
import { SnapshotFiles } from './snapshot-files.ts'
import { SpaceReserve } from './space-reserve.ts'
import { storageError } from './storage-errors.ts'

/**
 * The durable Storage of one node, in one data directory. It is opened once; create a new instance to reopen the directory.
 * Opening rejects with ERR_RAFT_DATA_DIR_LOCKED if another process uses the directory, with ERR_RAFT_CORRUPT if acknowledged data
 * is missing or damaged, and with ERR_RAFT_RUNTIME if the addon does not load. See docs/reference/storage-format.md.
 *
 *     const storage = new RocksDBStorage({ directory: './data/n1' })
 */
export class RocksDBStorage implements Storage {
  readonly snapshots: SnapshotStore
  readonly #directory: DataDirectory
  readonly #options: RocksDBStorageOptions
  readonly #settings: ReturnType<typeof resolveOptions>
  readonly #files: SnapshotFiles
  readonly #reserve: SpaceReserve
  #state: 'new' | 'opening' | 'open' | 'closing' | 'closed' = 'new'
  #opening: Promise<LogStore> | undefined
  #log: LogStore | undefined
  #closed: Promise<void> | undefined

  constructor(options: RocksDBStorageOptions) {
    this.#options = options
    this.#settings = resolveOptions(options)
    this.#directory = new DataDirectory(resolve(options.directory))
    this.#reserve = new SpaceReserve(this.#directory.path, this.#settings.writeBufferBytes)
    this.#files = new SnapshotFiles(this.#directory.snapshots, () => this.#requireLog())
    this.snapshots = this.#files
  }

  async open(identity: StorageIdentity): Promise<RecoveredState> {
    if (this.#state !== 'new')
      throw this.#closedError('a storage is opened once; create a new one to reopen the directory')
    this.#state = 'opening'
    const opening = this.#open(identity)
    this.#opening = opening.then(({ log }) => log)
    this.#opening.catch(() => undefined)
    const { log, recovered } = await opening
    if (this.#state !== 'opening') throw this.#closedError('it was closed while it was opening')
    this.#log = log
    this.#state = 'open'
    return recovered
  }

  async write(write: StorageWrite): Promise<void> {
    await this.#requireLog().write(write)
  }

  async read(from: LogIndex, bytesMax: number): Promise<EncodedBlock[]> {
    return this.#requireLog().read(from, bytesMax)
  }

  async freeBytes(): Promise<number | undefined> {
    this.#requireLog()
    return this.#reserve.freeBytes()
  }

  async markUnusable(reason: Unusable): Promise<void> {
    if (this.#state !== 'open') throw this.#closedError('it can be used only while it is open')
    await markUnusable(this.#directory, reason)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #open(identity: StorageIdentity): Promise<{ readonly log: LogStore; readonly recovered: RecoveredState }> {
    const { writeBufferBytes, cacheBytes, markDelayMs } = this.#settings
    const binding = this.#options.binding ?? loadBinding()
    const reserve = this.#reserve
    const opened = await openDirectory(this.#directory, identity, {
      openFiles: (mustExist) =>
        RocksDBFiles.open(this.#directory, { binding, writeBufferBytes, cacheBytes, reserve }, mustExist),
      verifySnapshot: (info) => this.#files.verify(info),
    })
    const { clusterId, nodeId, directoryId } = opened.identity
    const log = new LogStore({ ...opened, location: this.#directory.log, markDelayMs })
    const { hardState, snapshot } = log
    const blocks = [...log.blocks]
    const isNew = hardState.term === 0 && snapshot === undefined && blocks.length === 0
    const { boot } = opened
    return {
      log,
      recovered: { directoryId, boot, identity: { clusterId, nodeId }, isNew, hardState, snapshot, blocks },
    }
  }

  async #close(): Promise<void> {
    this.#state = 'closing'
    const log = await this.#opening?.catch(() => undefined)
    try {
      await this.#files.close()
      await log?.close()
    } catch (cause) {
      throw storageError(cause, `close the data directory ${this.#directory.path}`)
    } finally {
      if (log !== undefined) await removeOwner(this.#directory.owner).catch(() => undefined)
      this.#state = 'closed'
    }
  }

  #requireLog(): LogStore {
    if (this.#state !== 'open' || this.#log === undefined)
      throw this.#closedError('it can be used only while it is open')
    this.#log.assertNotFailed()
    return this.#log
  }

  #closedError(why: string): RaftError {
    return new RaftError('ERR_RAFT_CLOSED', `the storage in ${this.#directory.path} is ${this.#state}: ${why}`)
  }
}
