/**
 * Writes and reads the log, the hard state and the record of the newest snapshot of an open data directory.
 * A write consists of at most two steps: the hard-state files if term or vote change, then one synced batch of RocksDB.
 */

import type { EncodedBlock } from '../contracts/encoded-block.ts'
import type { StorageWrite } from '../contracts/storage.ts'
import type { HardState, LogIndex, SnapshotInfo } from '../core/types.ts'
import { RaftError } from '../errors.ts'
import { decodeBlock } from '../log-format/block.ts'
import type { BlockHeader, BlockList, LogChange } from '../log-format/block-list.ts'
import type { BindingBatch } from './binding.ts'
import { encodeChecksummedJson } from './checksummed-json.ts'
import type { Database } from './database.ts'
import type { HardStateFile } from './hard-state-file.ts'
import { blockKey, blockRange, SNAPSHOT_KEY, SUMMARY_KEY } from './log-keys.ts'
import type { LogSummary, SnapshotRecord } from './log-summary.ts'
import { damagedLog } from './log-summary.ts'
import type { SpaceReserve } from './space-reserve.ts'
import { storageError } from './storage-errors.ts'

/** After this many bytes of deleted blocks, their key range is compacted. */
const COMPACT_RANGE_BYTES = 64 * 1024 * 1024

/** The approximate size of a batch apart from its blocks. */
const SUMMARY_BYTES = 512

export interface LogStoreParts {
  readonly database: Database
  /** The path of the database, for error messages. */
  readonly location: string
  readonly hardState: HardStateFile
  readonly summary: LogSummary
  readonly log: BlockList
  readonly snapshot: SnapshotInfo | undefined
  readonly reserve: SpaceReserve
  /** How long after a write the end of the log is marked in the hard-state files. */
  readonly markDelayMs: number
}

/** Invariant: `#log` and `#summary` describe the state after the last durable batch; every batch with a summary is synced. */
export class LogStore {
  readonly #database: Database
  readonly #location: string
  readonly #hardState: HardStateFile
  readonly #log: BlockList
  readonly #reserve: SpaceReserve
  readonly #markDelayMs: number
  #summary: LogSummary
  #snapshot: SnapshotInfo | undefined
  /** The newest known commit index; it is written with the next batch that is needed anyway. */
  #commitIndex: LogIndex
  /** The error of the first failed write; every later call rejects with it. */
  #failure: RaftError | undefined
  #writing: Promise<void> = Promise.resolve()
  #sweeping: Promise<void> | undefined
  #sweptTo: LogIndex
  #unsweptBytes = 0
  #markTimer: NodeJS.Timeout | undefined
  #marking: Promise<void> = Promise.resolve()

  constructor(parts: LogStoreParts) {
    this.#database = parts.database
    this.#location = parts.location
    this.#hardState = parts.hardState
    this.#log = parts.log
    this.#reserve = parts.reserve
    this.#summary = parts.summary
    this.#snapshot = parts.snapshot
    this.#markDelayMs = parts.markDelayMs
    this.#commitIndex = Math.max(parts.summary.commitIndex, parts.hardState.record.commitIndex)
    this.#sweptTo = parts.summary.sweptTo
    this.#sweepLater()
    this.#markLater()
  }

  get hardState(): HardState {
    const { term, votedFor } = this.#hardState.record
    return { term, votedFor, commitIndex: this.#commitIndex }
  }

  get snapshot(): SnapshotInfo | undefined {
    return this.#snapshot
  }

  get blocks(): readonly BlockHeader[] {
    return this.#log.blocks
  }

  /** Throws the error of the first failed write, if there is one. */
  assertNotFailed(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  write(write: StorageWrite): Promise<void> {
    const turn = this.#writing.then(() => this.#failStop(() => this.#write(write)))
    this.#writing = turn.catch(() => undefined)
    return turn
  }

  async read(from: LogIndex, bytesMax: number): Promise<EncodedBlock[]> {
    for (;;) {
      this.assertNotFailed()
      const range = this.#log.range(from, bytesMax)
      if (range === undefined) throw compactedError(from, this.#log)
      const headers = this.#log.blocks.slice(range.from, range.to)
      const keys = headers.map((header, at) => blockKey(header.first, this.#log.entryBefore(range.from + at).term))
      const writing = this.#writing
      const values = await this.#database.getMany(keys).catch((cause: unknown) => {
        throw storageError(cause, `read the log in ${this.#location}`)
      })
      const missing = headers[values.indexOf(undefined)]
      if (missing === undefined) return headers.map((header, at) => this.#decode(header, values[at] as Buffer))
      // A write may have removed the block after the list was read; then the list no longer contains it.
      await writing
      if (this.#log.blocks.includes(missing))
        throw damagedLog(this.#location, missing.first - 1, 0, 'a block is missing')
    }
  }

  /** Marks the end of the log, so that a later loss of it is detected, and closes the database. */
  async close(): Promise<void> {
    await this.#writing
    while (this.#sweeping !== undefined) await this.#sweeping
    clearTimeout(this.#markTimer)
    await this.#marking
    try {
      if (this.#failure === undefined) await this.#failStop(() => this.#mark())
    } finally {
      await this.#database.close()
    }
  }

  async #write(write: StorageWrite): Promise<void> {
    const change = this.#log.plan(write, this.#snapshot?.index ?? 0)
    const { term, votedFor } = this.#hardState.record
    const hardState = write.hardState ?? { term, votedFor, commitIndex: 0 }
    if (hardState.term < Math.max(term, change.last.term))
      throw new RaftError(
        'ERR_RAFT_INTERNAL',
        `a write of term ${hardState.term} after ${Math.max(term, change.last.term)}`,
      )
    // The term is written before the blocks: a crash in between leaves a term without its blocks, which is safe.
    if (hardState.term !== term || hardState.votedFor !== votedFor)
      await this.#hardState.save({ term: hardState.term, votedFor: hardState.votedFor, ...this.#logMark() })
    const commitIndex = Math.max(this.#commitIndex, hardState.commitIndex)
    if (this.#needsBatch(write, change, commitIndex)) await this.#writeBatch(write, change, commitIndex)
    // Only now: the commit index may refer to the new end of the log, and must not become durable with the old one.
    this.#commitIndex = commitIndex
  }

  #needsBatch(
    { snapshot, blocks, isUrgent }: StorageWrite,
    change: LogChange<BlockHeader>,
    commitIndex: LogIndex,
  ): boolean {
    if (snapshot !== undefined || blocks.length > 0) return true
    if (change.keepFrom > 0 || change.dropFrom < this.#log.blocks.length) return true
    return isUrgent && commitIndex > Math.max(this.#summary.commitIndex, this.#hardState.record.commitIndex)
  }

  async #writeBatch(write: StorageWrite, change: LogChange<BlockHeader>, commitIndex: LogIndex): Promise<void> {
    const number = this.#summary.write + 1
    const summary: LogSummary = {
      write: number,
      baseIndex: change.base.index,
      baseTerm: change.base.term,
      lastIndex: change.last.index,
      lastTerm: change.last.term,
      commitIndex: Math.min(commitIndex, change.last.index),
      snapshotWrite: write.snapshot === undefined ? this.#summary.snapshotWrite : number,
      sweptTo: this.#sweptTo,
    }
    await this.#reserve.reserve(batchBytes(write))
    await this.#database.write((batch) => {
      this.#fill(batch, write, change)
      if (write.snapshot !== undefined)
        batch.put(
          SNAPSHOT_KEY,
          encodeChecksummedJson({ write: number, info: write.snapshot.info } satisfies SnapshotRecord),
        )
      batch.put(SUMMARY_KEY, encodeChecksummedJson(summary))
    }, true)
    this.#onBatchWritten(write, change, summary)
  }

  #fill(batch: BindingBatch, { blocks }: StorageWrite, change: LogChange<BlockHeader>): void {
    const old = this.#log.blocks
    for (let at = change.dropFrom; at < old.length; at++)
      batch.del(blockKey((old[at] as BlockHeader).first, this.#log.entryBefore(at).term))
    let termBefore = change.keepTo === 0 ? change.base.term : this.#log.entryBefore(change.keepTo).term
    for (const block of blocks) {
      batch.put(blockKey(block.first, termBefore), bufferOf(block.bytes))
      termBefore = block.term
    }
  }

  #onBatchWritten(write: StorageWrite, change: LogChange<BlockHeader>, summary: LogSummary): void {
    const removed = change.keepTo === 0 ? change.dropFrom : change.keepFrom
    for (let at = 0; at < removed; at++) this.#unsweptBytes += (this.#log.blocks[at] as BlockHeader).size
    this.#log.apply({ ...change, append: change.append.map(headerOf) })
    this.#summary = summary
    if (write.snapshot !== undefined) this.#snapshot = write.snapshot.info
    this.#sweepLater()
    this.#markLater()
  }

  /** Deletes, in the background, the blocks that no longer belong to the log according to the durable summary. */
  #sweepLater(): void {
    if (this.#sweeping !== undefined || this.#sweptTo > this.#summary.baseIndex) return
    this.#sweeping = this.#failStop(() => this.#sweep())
      .catch(() => undefined)
      .finally(() => {
        this.#sweeping = undefined
        if (this.#failure === undefined) this.#sweepLater()
      })
  }

  async #sweep(): Promise<void> {
    const to = this.#summary.baseIndex + 1
    await this.#database.clear(blockRange(this.#sweptTo, to))
    this.#sweptTo = to
    if (this.#unsweptBytes < COMPACT_RANGE_BYTES) return
    this.#unsweptBytes = 0
    await this.#database.compactRange(blockRange(0, to))
  }

  #markLater(): void {
    if (this.#markTimer !== undefined || this.#isMarked()) return
    this.#markTimer = setTimeout(() => {
      this.#markTimer = undefined
      this.#marking = this.#failStop(() => this.#mark()).catch(() => undefined)
    }, this.#markDelayMs)
    this.#markTimer.unref()
  }

  async #mark(): Promise<void> {
    if (!this.#isMarked()) await this.#hardState.save(this.#logMark())
  }

  #isMarked(): boolean {
    const { logWrite, commitIndex } = this.#hardState.record
    return logWrite === this.#summary.write && commitIndex === this.#logMark().commitIndex
  }

  #logMark(): { commitIndex: LogIndex; logWrite: number; lastIndex: LogIndex; lastTerm: number } {
    const { write, lastIndex, lastTerm } = this.#summary
    return { commitIndex: Math.min(this.#commitIndex, lastIndex), logWrite: write, lastIndex, lastTerm }
  }

  #decode(header: BlockHeader, value: Buffer): EncodedBlock {
    let block: EncodedBlock
    try {
      block = decodeBlock(value)
    } catch (cause) {
      throw damagedLog(this.#location, header.first - 1, 0, (cause as Error).message, cause)
    }
    if (block.first === header.first && block.term === header.term && block.count === header.count) return block
    throw damagedLog(
      this.#location,
      header.first - 1,
      0,
      `found a block of term ${block.term} that starts at ${block.first}`,
    )
  }

  /** Runs a write; after the first failure every later call rejects with that error (fail-stop). */
  async #failStop(work: () => Promise<void>): Promise<void> {
    this.assertNotFailed()
    try {
      await work()
    } catch (cause) {
      this.#failure ??= storageError(cause, `write to the data directory at ${this.#location}`)
      throw this.#failure
    }
  }
}

function batchBytes({ blocks }: StorageWrite): number {
  let size = SUMMARY_BYTES
  for (const block of blocks) size += block.size
  return size
}

function headerOf({ first, term, kind, membership, count, size }: BlockHeader): BlockHeader {
  return { first, term, kind, membership, count, size }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function compactedError(from: LogIndex, log: BlockList): RaftError {
  const range =
    log.blocks.length === 0 ? 'the log is empty' : `the log holds ${log.base.index + 1} to ${log.last.index}`
  return new RaftError('ERR_RAFT_COMPACTED', `no block starts at ${from}: ${range}`)
}
