/**
 * Writes and reads the log, the hard state and the record of the newest snapshot of an open data directory.
 * A write consists of at most two steps: the hard-state files if term or vote change, then one durable write of the engine.
 */

import type { EncodedBlock } from '../contracts/encoded-block.ts'
import type { StorageWrite } from '../contracts/storage.ts'
import type { HardState, LogIndex, SnapshotInfo } from '../core/types.ts'
import { RaftError } from '../errors.ts'
import { decodeBlock } from '../log-format/block.ts'
import type { BlockHeader, BlockList, LogChange } from '../log-format/block-list.ts'
import { headerOf } from '../log-format/block-list.ts'
import type { HardStateFile } from './hard-state-file.ts'
import { damagedLog } from './log-checks.ts'
import type { EngineFiles, LogEngine, OpenedLog } from './log-engine.ts'
import { storageError } from './storage-errors.ts'

export interface LogStoreParts<Head extends BlockHeader> extends OpenedLog<Head> {
  readonly files: EngineFiles<Head>
  /** The path of the log, for error messages. */
  readonly location: string
  readonly hardState: HardStateFile
  /** How long after a write the end of the log is marked in the hard-state files. */
  readonly markDelayMs: number
}

/** Invariant: `#log` describes the state after write `#number`, the last durable one. */
export class LogStore<Head extends BlockHeader = BlockHeader> {
  readonly #files: EngineFiles<Head>
  readonly #engine: LogEngine<Head>
  readonly #location: string
  readonly #hardState: HardStateFile
  readonly #log: BlockList<Head>
  readonly #markDelayMs: number
  #number: number
  #snapshot: SnapshotInfo | undefined
  /** The newest known commit index; it is written with the next write that is needed anyway. */
  #commitIndex: LogIndex
  /** The commit index of the last durable write. */
  #writtenCommitIndex: LogIndex
  /** The error of the first failed write; every later call rejects with it. */
  #failure: RaftError | undefined
  #writing: Promise<void> = Promise.resolve()
  #cleaning: Promise<void> | undefined
  #markTimer: NodeJS.Timeout | undefined
  #marking: Promise<void> = Promise.resolve()

  constructor(parts: LogStoreParts<Head>) {
    this.#files = parts.files
    this.#engine = parts.engine
    this.#location = parts.location
    this.#hardState = parts.hardState
    this.#log = parts.log
    this.#number = parts.write
    this.#snapshot = parts.snapshot
    this.#markDelayMs = parts.markDelayMs
    this.#writtenCommitIndex = parts.commitIndex
    this.#commitIndex = Math.max(parts.commitIndex, parts.hardState.record.commitIndex)
    this.#cleanLater()
    this.#markLater()
  }

  get hardState(): HardState {
    const { term, votedFor } = this.#hardState.record
    return { term, votedFor, commitIndex: this.#commitIndex }
  }

  get snapshot(): SnapshotInfo | undefined {
    return this.#snapshot
  }

  /** Without the places of the blocks. */
  get blocks(): readonly BlockHeader[] {
    return this.#log.blocks.map(headerOf)
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
      const writing = this.#writing
      const values = await this.#engine.read(this.#log, range.from, range.to)
      const missing = headers[values.indexOf(undefined)]
      if (missing === undefined) return headers.map((header, at) => this.#decode(header, values[at] as Buffer))
      // A write may have removed the block after the list was read; then the list no longer contains it.
      await writing
      if (this.#log.blocks.includes(missing))
        throw damagedLog(this.#location, missing.first - 1, 0, 'a block is missing')
    }
  }

  /** Marks the end of the log, so that a later loss of it is detected, and closes the files. */
  async close(): Promise<void> {
    await this.#writing
    while (this.#cleaning !== undefined) await this.#cleaning
    clearTimeout(this.#markTimer)
    await this.#marking
    try {
      if (this.#failure === undefined) await this.#failStop(() => this.#mark())
    } finally {
      await this.#hardState.close().catch(() => undefined)
      await this.#files.close()
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
    if (this.#changesLog(write, change, commitIndex)) await this.#writeLog(write, change, commitIndex)
    // Only now: the commit index may refer to the new end of the log, and must not become durable with the old one.
    this.#commitIndex = commitIndex
  }

  #changesLog(
    { snapshot, blocks, isUrgent }: StorageWrite,
    change: LogChange<BlockHeader>,
    commitIndex: LogIndex,
  ): boolean {
    if (snapshot !== undefined || blocks.length > 0) return true
    if (change.keepFrom > 0 || change.dropFrom < this.#log.blocks.length) return true
    return isUrgent && commitIndex > Math.max(this.#writtenCommitIndex, this.#hardState.record.commitIndex)
  }

  async #writeLog(write: StorageWrite, change: LogChange<BlockHeader>, newCommitIndex: LogIndex): Promise<void> {
    const number = this.#number + 1
    const snapshot = write.snapshot?.info ?? this.#snapshot
    const commitIndex = Math.min(newCommitIndex, change.last.index)
    const append = await this.#engine.write(this.#log, { number, write, change, commitIndex, snapshot })
    this.#log.apply(change, append)
    this.#number = number
    this.#writtenCommitIndex = commitIndex
    this.#snapshot = snapshot
    this.#cleanLater()
    this.#markLater()
  }

  /** Removes, in the background, the blocks that no longer belong to the log. */
  #cleanLater(): void {
    if (this.#cleaning !== undefined || !this.#engine.needsCleaning(this.#log)) return
    this.#cleaning = this.#failStop(() => this.#engine.clean(this.#log))
      .catch(() => undefined)
      .finally(() => {
        this.#cleaning = undefined
        if (this.#failure === undefined) this.#cleanLater()
      })
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
    return logWrite === this.#number && commitIndex === this.#logMark().commitIndex
  }

  #logMark(): { commitIndex: LogIndex; logWrite: number; lastIndex: LogIndex; lastTerm: number } {
    const { index, term } = this.#log.last
    const commitIndex = Math.min(this.#commitIndex, index)
    return { commitIndex, logWrite: this.#number, lastIndex: index, lastTerm: term }
  }

  #decode(header: BlockHeader, value: Buffer): EncodedBlock {
    let block: EncodedBlock
    try {
      block = decodeBlock(value)
    } catch (cause) {
      throw damagedLog(this.#location, header.first - 1, 0, (cause as Error).message, cause)
    }
    const isSameRange = block.first === header.first && block.count === header.count
    if (isSameRange && block.term === header.term && block.checksum === header.checksum) return block
    throw damagedLog(
      this.#location,
      header.first - 1,
      0,
      `found a block of term ${block.term} that starts at ${block.first}, with checksum ${block.checksum} instead of ${header.checksum}`,
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

function compactedError(from: LogIndex, log: BlockList): RaftError {
  const range =
    log.blocks.length === 0 ? 'the log is empty' : `the log holds ${log.base.index + 1} to ${log.last.index}`
  return new RaftError('ERR_RAFT_COMPACTED', `no block starts at ${from}: ${range}`)
}
