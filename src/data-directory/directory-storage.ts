/** A durable storage in one data directory, whatever engine keeps the blocks of its log. */
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
import type { BlockHeader } from '../log-format/block-list.ts'
import { markUnusable } from './boots-file.ts'
import type { EngineName } from './data-directory.ts'
import { DataDirectory } from './data-directory.ts'
import { freeBytesOf } from './durable-files.ts'
import type { EngineFiles } from './log-engine.ts'
import { LogStore } from './log-store.ts'
import { removeOwner } from './owner-file.ts'
import { openDirectory } from './recovery.ts'
import { SnapshotFiles } from './snapshot-files.ts'
import { storageError } from './storage-errors.ts'

export interface DirectoryStorageParts<Head extends BlockHeader> {
  readonly path: string
  readonly engine: EngineName
  /** How long after a write the end of the log is marked in the hard-state files, in milliseconds. */
  readonly markDelayMs: number
  /** The path of the engine's files, for error messages. */
  readonly logPathIn: (directory: DataDirectory) => string
  /** Called first: throws if the engine does not work here, before anything is created. */
  readonly assertWorks?: () => void
  /** Opens the files of the log and locks the directory. With `mustExist`, they must exist. */
  readonly openFiles: (directory: DataDirectory, mustExist: boolean) => Promise<EngineFiles<Head>>
}

export class DirectoryStorage<Head extends BlockHeader> implements Storage {
  readonly name: string
  readonly snapshots: SnapshotStore
  readonly #directory: DataDirectory
  readonly #parts: DirectoryStorageParts<Head>
  readonly #files: SnapshotFiles
  #state: 'new' | 'opening' | 'open' | 'closing' | 'closed' = 'new'
  #opening: Promise<LogStore<Head>> | undefined
  #log: LogStore<Head> | undefined
  #closed: Promise<void> | undefined

  constructor(parts: DirectoryStorageParts<Head>) {
    this.#parts = parts
    this.name = parts.engine
    this.#directory = new DataDirectory(resolve(parts.path))
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
    return freeBytesOf(this.#directory.path)
  }

  async markUnusable(reason: Unusable): Promise<void> {
    if (this.#state !== 'open') throw this.#closedError('it can be used only while it is open')
    await markUnusable(this.#directory, reason)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #open(
    identity: StorageIdentity,
  ): Promise<{ readonly log: LogStore<Head>; readonly recovered: RecoveredState }> {
    const { engine, assertWorks, openFiles, logPathIn, markDelayMs } = this.#parts
    assertWorks?.()
    const opened = await openDirectory(this.#directory, identity, {
      engine,
      openFiles: (mustExist) => openFiles(this.#directory, mustExist),
      verifySnapshot: (info) => this.#files.verify(info),
    })
    const { clusterId, nodeId, directoryId, replacedClusterId } = opened.identity
    const log = new LogStore({ ...opened, location: logPathIn(this.#directory), markDelayMs })
    const { hardState, snapshot, blocks } = log
    const isNew = hardState.term === 0 && snapshot === undefined && blocks.length === 0
    const { boot } = opened
    return {
      log,
      recovered: {
        ...{ directoryId, boot, identity: { clusterId, nodeId }, replacedClusterId },
        ...{ isNew, hardState, snapshot, blocks },
      },
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

  #requireLog(): LogStore<Head> {
    if (this.#state !== 'open' || this.#log === undefined)
      throw this.#closedError('it can be used only while it is open')
    this.#log.assertNotFailed()
    return this.#log
  }

  #closedError(why: string): RaftError {
    return new RaftError('ERR_RAFT_CLOSED', `the storage in ${this.#directory.path} is ${this.#state}: ${why}`)
  }
}
