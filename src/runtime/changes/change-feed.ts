/** The newest changes that this node has applied, in memory, and the readers that follow them. */
import type { EncodedBlock } from '../../contracts/encoded-block.ts'
import type { QueueStatus } from '../../contracts/node-service.ts'
import type { LogIndex } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'
import { overloadedError } from '../calls/rejections.ts'
import type { AppliedChange } from './applied-block.ts'
import { AppliedBlock } from './applied-block.ts'

export interface ChangeLimits {
  readonly changesMax: number
  readonly changeBytesMax: number
  readonly changeReadersMax: number
}

/** Dropped blocks are removed from the array in runs of at least this many. */
const DROPPED_MIN = 64

/**
 * One buffer for all readers: each has only its next index, so that a slow one costs nothing, and is rejected once its next change is dropped.
 * The buffer keeps the blocks of the log as they are, and beside each the results of its commands: a command is copied only for a reader.
 */
export class ChangeFeed {
  readonly #limits: ChangeLimits
  /** Ascending by index; those before `#head` are dropped. Each but the last one has changes. */
  #blocks: (AppliedBlock | undefined)[] = []
  #head = 0
  #count = 0
  #bytes = 0
  /** Every change from this index on is kept. */
  #firstIndex: LogIndex
  #appliedIndex: LogIndex
  readonly #readers = new Set<ChangeReader>()
  #closed: RaftError | undefined

  /** `appliedIndex` is that of the snapshot that the node starts with. */
  constructor(limits: ChangeLimits, appliedIndex: LogIndex) {
    this.#limits = limits
    this.#firstIndex = appliedIndex + 1
    this.#appliedIndex = appliedIndex
  }

  get queues(): readonly QueueStatus[] {
    return [{ limit: 'changeReadersMax', used: this.#readers.size, max: this.#limits.changeReadersMax }]
  }

  /** The lowest index that is not applied. */
  get nextIndex(): LogIndex {
    return this.#appliedIndex + 1
  }

  /** The next changes are commands of this block. */
  beginBlock(block: EncodedBlock): void {
    const last = this.#blocks.at(-1)
    if (last?.count === 0) {
      this.#blocks.pop()
      this.#bytes -= last.bytes()
    }
    this.#blocks.push(new AppliedBlock(block))
    this.#bytes += block.size
  }

  /** A command of the last block was executed. */
  add(index: LogIndex, result: string | undefined): void {
    this.#appliedIndex = index
    this.#bytes += (this.#blocks[this.#blocks.length - 1] as AppliedBlock).add(index, result)
    this.#count++
    const { changesMax, changeBytesMax } = this.#limits
    while (this.#count > changesMax || (this.#bytes > changeBytesMax && this.#count > 0)) this.#dropFirst()
  }

  /** All entries up to this index are applied. */
  onApplied(index: LogIndex): void {
    this.#appliedIndex = Math.max(index, this.#appliedIndex)
    this.#wakeReaders()
  }

  /** What a snapshot contains was not applied here one by one. */
  onRestored(index: LogIndex): void {
    this.#blocks = []
    this.#head = 0
    this.#count = 0
    this.#bytes = 0
    this.#firstIndex = index + 1
    this.#appliedIndex = index
    this.#wakeReaders()
  }

  /** Throws ERR_RAFT_OVERLOADED if there are too many readers. */
  open(reader: ChangeReader): void {
    const { changeReadersMax } = this.#limits
    const count = this.#readers.size + 1
    if (count > changeReadersMax)
      throw overloadedError('the reader of changes was rejected', 'changeReadersMax', count, changeReadersMax)
    this.#readers.add(reader)
  }

  remove(reader: ChangeReader): void {
    this.#readers.delete(reader)
  }

  /** The changes from this index on, at least one and then up to `bytesMax`; none if none is applied yet. Throws if one of them is dropped. */
  changesFrom(index: LogIndex, bytesMax: number): AppliedChange[] {
    if (this.#closed !== undefined) throw this.#closed
    if (this.#limits.changesMax === 0) throw nothingKeptError(index)
    if (index < this.#firstIndex) throw compactedError(index, this.#firstIndex)
    const changes: AppliedChange[] = []
    let bytesLeft = bytesMax
    for (let offset = this.#offsetOf(index); offset < this.#blocks.length; offset++) {
      const block = this.#blocks[offset] as AppliedBlock
      bytesLeft = block.collect(index, bytesLeft, changes)
      if (bytesLeft < 0) break
    }
    return changes
  }

  close(why: string, cause: RaftError | undefined): void {
    this.#closed ??= new RaftError('ERR_RAFT_CLOSED', `the changes end: ${why}`, {
      hint: 'continue after the last change, at another node or after a restart',
      cause,
    })
    this.#wakeReaders()
  }

  /** The offset of the first block that ends at this index or later. */
  #offsetOf(index: LogIndex): number {
    let low = this.#head
    let high = this.#blocks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#blocks[middle] as AppliedBlock).lastIndex < index) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Drops the first change, and with its last one a block. */
  #dropFirst(): void {
    const block = this.#blocks[this.#head] as AppliedBlock
    this.#firstIndex = block.dropFirst() + 1
    this.#count--
    if (block.count > 0 || this.#head === this.#blocks.length - 1) return
    this.#bytes -= block.bytes()
    this.#blocks[this.#head++] = undefined
    if (this.#head < DROPPED_MIN || this.#head * 2 < this.#blocks.length) return
    this.#blocks = this.#blocks.slice(this.#head)
    this.#head = 0
  }

  #wakeReaders(): void {
    for (const reader of this.#readers) reader.wake()
  }
}

/** The place of one reader, and its wait for the next change. */
export class ChangeReader {
  readonly #feed: ChangeFeed
  #nextIndex: LogIndex
  #isEnded = false
  #wake: (() => void) | undefined

  /** `from` is the lowest index wanted; by default the next one that is applied. */
  constructor(feed: ChangeFeed, from: LogIndex | undefined) {
    this.#feed = feed
    this.#nextIndex = from ?? feed.nextIndex
  }

  /** Every change below this index was taken. */
  get nextIndex(): LogIndex {
    return this.#nextIndex
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** The next changes; see ChangeFeed.changesFrom. */
  take(bytesMax: number): AppliedChange[] {
    const changes = this.#feed.changesFrom(this.#nextIndex, bytesMax)
    const last = changes.at(-1)
    // Entries that are no changes may follow the last one.
    this.#nextIndex = last === undefined ? Math.max(this.#nextIndex, this.#feed.nextIndex) : last.index + 1
    return changes
  }

  /** Waits until something is applied, or the reader or the feed ends. */
  wait(): Promise<void> {
    if (this.#isEnded) return Promise.resolve()
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  wake(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  end(): void {
    this.#isEnded = true
    this.#feed.remove(this)
    this.wake()
  }
}

const READ_STATE_HINT =
  'read the state with its applied index, and follow the changes after that index; or ask another node'

function compactedError(wantedIndex: LogIndex, firstIndex: LogIndex): RaftError {
  const why = `changes from index ${wantedIndex} on are no longer kept on this node, which has all of them from index ${firstIndex} on`
  return new RaftError('ERR_RAFT_COMPACTED', why, { hint: READ_STATE_HINT, details: { wantedIndex, firstIndex } })
}

function nothingKeptError(wantedIndex: LogIndex): RaftError {
  return new RaftError('ERR_RAFT_COMPACTED', 'this node keeps no changes: its option changesMax is 0', {
    hint: 'raise changesMax on every node',
    details: { wantedIndex },
  })
}
