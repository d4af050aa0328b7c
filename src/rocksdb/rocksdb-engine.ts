/** The log in RocksDB: each write is one synced batch with the blocks, the record of a new snapshot, and a summary of the whole log. */
import type { StorageWrite } from '../contracts/storage.ts'
import type { LogIndex } from '../core/types.ts'
import { encodeChecksummedJson } from '../data-directory/checksummed-json.ts'
import type { DataDirectory } from '../data-directory/data-directory.ts'
import type { HardStateRecord } from '../data-directory/hard-state-file.ts'
import type { EngineFiles, LogEngine, LogWrite, OpenedLog } from '../data-directory/log-engine.ts'
import { lockedError } from '../data-directory/owner-file.ts'
import { corrupt, isLockError, storageError } from '../data-directory/storage-errors.ts'
import type { BlockHeader, BlockList, LogChange } from '../log-format/block-list.ts'
import { headerOf } from '../log-format/block-list.ts'
import type { Binding, BindingBatch } from './binding.ts'
import { Database } from './database.ts'
import { blockKey, blockRange, SNAPSHOT_KEY, SUMMARY_KEY } from './log-keys.ts'
import type { LogSummary, SnapshotRecord } from './log-summary.ts'
import { EMPTY_SUMMARY, verifyLog } from './log-summary.ts'
import type { SpaceReserve } from './space-reserve.ts'

/** After this many bytes of deleted blocks, their key range is compacted. */
const COMPACT_RANGE_BYTES = 64 * 1024 * 1024

/** The approximate size of a batch apart from its blocks. */
const SUMMARY_BYTES = 512

export interface RocksDBFilesOptions {
  readonly binding: Binding
  readonly writeBufferBytes: number
  readonly cacheBytes: number
  readonly reserve: SpaceReserve
}

export class RocksDBFiles implements EngineFiles<BlockHeader> {
  readonly #database: Database
  readonly #location: string
  readonly #reserve: SpaceReserve

  private constructor(database: Database, location: string, reserve: SpaceReserve) {
    this.#database = database
    this.#location = location
    this.#reserve = reserve
  }

  /** Opens or creates the database, which locks the directory. With `mustExist`, a database that does not open is damaged. */
  static async open(
    directory: DataDirectory,
    { binding, reserve, ...sizes }: RocksDBFilesOptions,
    mustExist: boolean,
  ): Promise<RocksDBFiles> {
    try {
      const database = await Database.open(binding, directory.log, { ...sizes, createIfMissing: !mustExist })
      return new RocksDBFiles(database, directory.log, reserve)
    } catch (cause) {
      if (isLockError(cause)) throw await lockedError(directory.path, directory.owner, cause)
      const mapped = storageError(cause, `open the log in ${directory.log}`)
      if (mapped.code !== 'ERR_RAFT_STORAGE' || !mustExist) throw mapped
      throw corrupt(
        `the log in ${directory.log} cannot be opened: ${(cause as Error).message}`,
        { file: directory.log },
        cause,
      )
    }
  }

  async isUnused(wasInterrupted: boolean): Promise<boolean> {
    for await (const _ of this.#database.entries(blockRange(0))) return false
    return wasInterrupted || (await this.#database.get(SUMMARY_KEY)) === undefined
  }

  async initialize(): Promise<void> {
    await this.#database.write((batch) => batch.put(SUMMARY_KEY, encodeChecksummedJson(EMPTY_SUMMARY)), true)
  }

  async recover(hardState: HardStateRecord): Promise<OpenedLog<BlockHeader>> {
    const { summary, log, snapshot } = await verifyLog(this.#database, this.#location, hardState)
    const engine = new RocksDBEngine(this.#database, this.#location, this.#reserve, summary)
    return { engine, log, snapshot, write: summary.write, commitIndex: summary.commitIndex }
  }

  async close(): Promise<void> {
    await this.#database.close()
  }
}

/** Invariant: `#summary` is the newest durable summary; every batch with a summary is synced. */
class RocksDBEngine implements LogEngine<BlockHeader> {
  readonly #database: Database
  readonly #location: string
  readonly #reserve: SpaceReserve
  #summary: LogSummary
  #sweptTo: LogIndex
  #unsweptBytes = 0

  constructor(database: Database, location: string, reserve: SpaceReserve, summary: LogSummary) {
    this.#database = database
    this.#location = location
    this.#reserve = reserve
    this.#summary = summary
    this.#sweptTo = summary.sweptTo
  }

  async write(log: BlockList, { number, write, change, commitIndex }: LogWrite): Promise<readonly BlockHeader[]> {
    const summary: LogSummary = {
      write: number,
      baseIndex: change.base.index,
      baseTerm: change.base.term,
      lastIndex: change.last.index,
      lastTerm: change.last.term,
      commitIndex,
      snapshotWrite: write.snapshot === undefined ? this.#summary.snapshotWrite : number,
      sweptTo: this.#sweptTo,
    }
    await this.#reserve.reserve(batchBytes(write))
    await this.#database.write((batch) => {
      fill(batch, log, write, change)
      if (write.snapshot !== undefined)
        batch.put(
          SNAPSHOT_KEY,
          encodeChecksummedJson({ write: number, info: write.snapshot.info } satisfies SnapshotRecord),
        )
      batch.put(SUMMARY_KEY, encodeChecksummedJson(summary))
    }, true)
    this.#summary = summary
    const removed = change.keepTo === 0 ? change.dropFrom : change.keepFrom
    for (let at = 0; at < removed; at++) this.#unsweptBytes += (log.blocks[at] as BlockHeader).size
    return change.append.map(headerOf)
  }

  async read(log: BlockList, from: number, to: number): Promise<readonly (Buffer | undefined)[]> {
    const keys: Buffer[] = []
    for (let at = from; at < to; at++)
      keys.push(blockKey((log.blocks[at] as BlockHeader).first, log.entryBefore(at).term))
    return this.#database.getMany(keys).catch((cause: unknown) => {
      throw storageError(cause, `read the log in ${this.#location}`)
    })
  }

  needsCleaning(): boolean {
    return this.#sweptTo <= this.#summary.baseIndex
  }

  async clean(): Promise<void> {
    const to = this.#summary.baseIndex + 1
    await this.#database.clear(blockRange(this.#sweptTo, to))
    this.#sweptTo = to
    if (this.#unsweptBytes < COMPACT_RANGE_BYTES) return
    this.#unsweptBytes = 0
    await this.#database.compactRange(blockRange(0, to))
  }
}

function fill(batch: BindingBatch, log: BlockList, { blocks }: StorageWrite, change: LogChange<BlockHeader>): void {
  const old = log.blocks
  for (let at = change.dropFrom; at < old.length; at++)
    batch.del(blockKey((old[at] as BlockHeader).first, log.entryBefore(at).term))
  let termBefore = change.keepTo === 0 ? change.base.term : log.entryBefore(change.keepTo).term
  for (const block of blocks) {
    batch.put(blockKey(block.first, termBefore), bufferOf(block.bytes))
    termBefore = block.term
  }
}

function batchBytes({ blocks }: StorageWrite): number {
  let size = SUMMARY_BYTES
  for (const block of blocks) size += block.size
  return size
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
