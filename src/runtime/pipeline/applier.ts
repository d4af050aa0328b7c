/** Applies committed entries to the state machine in order, or restores it from a snapshot; never both at once. */

import type { Clock } from '../../contracts/clock.ts'
import type { EncodedBlock } from '../../contracts/encoded-block.ts'
import type { Storage } from '../../contracts/storage.ts'
import type { Instant, LinkedBlock, LogIndex, LogRange, SnapshotInfo } from '../../core/types.ts'
import { isRaftError, RaftError } from '../../errors.ts'
import { isEnveloped, payloadsOf } from '../../log-format/block.ts'
import type { SessionMachine } from '../../sessions/session-machine.ts'
import type { Batch } from '../calls/proposal-batch.ts'
import type { Proposals } from '../calls/proposals.ts'
import { changedBlockError, isSameBlock } from '../health/changed-block.ts'
import type { Meters } from '../meters.ts'
import { RecentRate } from '../recent-rate.ts'
import { verifiedChunks } from '../snapshots/snapshot-checksum.ts'
import type { BlockCache } from './block-cache.ts'
import type { DigestPoints } from './digest-points.ts'

export interface ApplierParts<Command, Result> {
  readonly machine: Pick<SessionMachine<Command, Result>, 'apply' | 'applyEnvelope' | 'restore' | 'machineVersion'>
  readonly storage: Pick<Storage, 'read' | 'snapshots'>
  readonly cache: BlockCache
  readonly digestPoints: DigestPoints
  /** The block of the log that contains an index, to compare what the disk returns with. */
  readonly blockAt: (index: LogIndex) => LinkedBlock | undefined
  readonly clock: Clock
  readonly meters: Pick<Meters, 'isActive' | 'apply'>
  readonly proposals: Proposals<Result>
  readonly readBytesMax: number
  readonly applyTurnMs: number
  /** The commands of this block are applied next. */
  readonly onBlock: (block: EncodedBlock) => void
  /** All entries up to `index`, the end of a block, are applied. */
  readonly onApplied: (index: LogIndex) => void
  readonly onRestored: (snapshot: SnapshotInfo, tookMs: number) => void
  readonly onFailed: (error: unknown) => void
}

const RATE_WINDOW_MS = 5000

/** Work to do: first the snapshot, then the range. */
interface PendingWork {
  install: SnapshotInfo | undefined
  apply: { from: LogIndex; to: LogIndex } | undefined
}

/** A block that is being applied; it may take several turns of the event loop. */
interface BlockCursor<Result> {
  readonly block: EncodedBlock
  readonly payloads: readonly Uint8Array[]
  /** Its proposals, if this node proposed it. */
  readonly batch: Batch<Result> | undefined
  offset: number
}

export class Applier<Command, Result> {
  readonly #parts: ApplierParts<Command, Result>
  #pending: PendingWork = { install: undefined, apply: undefined }
  #cursor: BlockCursor<Result> | undefined
  /** Blocks read from disk, in order, to be applied next. */
  #readAhead: EncodedBlock[] = []
  /** A disk read, a restore, or a yield to the event loop is pending. */
  #isBusy = false
  #isRestoring = false
  #isStopped = false
  #appliedIndex: LogIndex = 0
  #reportedIndex: LogIndex = 0
  #measuredIndex: LogIndex = 0
  #turnStartedAt: Instant = 0
  /** When the state machine was done with its last command. */
  #entryEndedAt: Instant = 0
  #appliedBytes = 0
  #appliedBlocks = 0
  #boundaryCallbacks: ((isRunning: boolean) => void)[] = []
  readonly #rate: RecentRate

  constructor(parts: ApplierParts<Command, Result>) {
    this.#parts = parts
    this.#rate = new RecentRate(RATE_WINDOW_MS, parts.clock.now())
  }

  /** The last index that the state machine has applied; may lie within a block. */
  get appliedIndex(): LogIndex {
    return this.#appliedIndex
  }

  /** The entries that were applied per second, over the last 5 to 10 s. */
  get perSecond(): number {
    return this.#rate.at(this.#parts.clock.now())
  }

  /** The bytes of all blocks applied since the start. */
  get appliedBytes(): number {
    return this.#appliedBytes
  }

  /** The number of all blocks applied since the start. */
  get appliedBlocks(): number {
    return this.#appliedBlocks
  }

  /** False while a snapshot is being restored, or is about to be. */
  get isReadable(): boolean {
    return this.#pending.install === undefined && !this.#isRestoring
  }

  /** Restores the snapshot in place of the entries up to its index. */
  install(snapshot: SnapshotInfo): void {
    const { proposals } = this.#parts
    if (this.#cursor?.batch !== undefined)
      proposals.abandon(this.#cursor.batch, 'a snapshot from the leader replaced its log entry')
    this.#cursor = undefined
    this.#readAhead = []
    this.#pending = { install: snapshot, apply: undefined }
    this.#run()
  }

  apply(range: LogRange): void {
    if (this.#pending.apply === undefined) this.#pending.apply = { from: range.from, to: range.to }
    else this.#pending.apply.to = range.to
    this.#parts.proposals.onCommitted(range.to)
    this.#run()
  }

  /**
   * Calls back when the state machine is between two blocks and no snapshot is being restored: synchronously if it is now.
   * `isRunning` is false if the node stops first.
   */
  atBoundary(callback: (isRunning: boolean) => void): void {
    if (this.#isStopped || (this.#cursor === undefined && this.isReadable)) callback(!this.#isStopped)
    else this.#boundaryCallbacks.push(callback)
  }

  stop(why: string, cause?: unknown): void {
    this.#isStopped = true
    if (this.#cursor?.batch !== undefined) this.#parts.proposals.abandon(this.#cursor.batch, why, cause)
    this.#cursor = undefined
    this.#callBoundaryCallbacks(false)
  }

  #run(): void {
    if (this.#isBusy || this.#isStopped) return
    try {
      this.#applyPending()
    } catch (error) {
      return this.#fail(error)
    }
    if (this.#parts.meters.isActive) this.#measureTurn()
    const boundary = this.#cursor === undefined ? this.#appliedIndex : this.#cursor.block.first - 1
    if (boundary <= this.#reportedIndex || this.#isRestoring) return
    this.#rate.add(this.#turnStartedAt, boundary - this.#reportedIndex)
    this.#reportedIndex = boundary
    this.#parts.onApplied(boundary)
  }

  /** Returns when nothing is left to do, or once something asynchronous has begun. */
  #applyPending(): void {
    const { clock, applyTurnMs } = this.#parts
    this.#turnStartedAt = clock.now()
    const until = this.#turnStartedAt + applyTurnMs
    while (!this.#isStopped) {
      if (this.#pending.install !== undefined) return this.#runAsync(this.#restore(this.#pending.install))
      const { apply } = this.#pending
      if (apply === undefined) return
      if (apply.from >= apply.to) {
        this.#pending.apply = undefined
        return
      }
      this.#cursor ??= this.#openBlock(apply.from)
      if (this.#cursor === undefined) return this.#runAsync(this.#read(apply))
      if (!this.#applyBlock(this.#cursor, until)) return this.#runAsync(new Promise((resolve) => clock.defer(resolve)))
      this.#parts.digestPoints.onBlockApplied(this.#cursor.block.first, this.#cursor.block.count)
      apply.from += this.#cursor.block.count
      this.#cursor = undefined
      this.#onBlockBoundary()
    }
  }

  #measureTurn(): void {
    const { meters } = this.#parts
    const commands = this.#appliedIndex - this.#measuredIndex
    this.#measuredIndex = this.#appliedIndex
    // A no-op or a membership is no command, and takes no time.
    if (commands > 0 && this.#entryEndedAt >= this.#turnStartedAt)
      meters.apply(this.#entryEndedAt - this.#turnStartedAt, commands)
  }

  #runAsync(promise: Promise<void>): void {
    this.#isBusy = true
    void promise.then(
      () => {
        this.#isBusy = false
        this.#run()
      },
      (error) => this.#fail(error),
    )
  }

  /** The block that starts at `first`, if it is in memory. */
  #openBlock(first: LogIndex): BlockCursor<Result> | undefined {
    const fromDisk = this.#readAhead[0]?.first === first ? this.#readAhead.shift() : undefined
    const block = fromDisk ?? this.#parts.cache.get(first)
    if (block === undefined) return undefined
    const batch = this.#parts.proposals.takeBatch(block.first, block.count, block.term)
    if (block.kind !== 'commands') return { block, payloads: [], batch, offset: 0 }
    this.#parts.onBlock(block)
    return { block, payloads: payloadsOf(block), batch, offset: 0 }
  }

  /** Applies commands until the block ends or the time is up. Returns whether the block is done. */
  #applyBlock(cursor: BlockCursor<Result>, until: number): boolean {
    const { block, payloads, batch } = cursor
    let now: Instant = 0
    while (cursor.offset < payloads.length && now <= until) {
      now = this.#applyEntry(block, payloads[cursor.offset] as Uint8Array, batch, cursor.offset)
      cursor.offset++
    }
    if (payloads.length > 0) this.#entryEndedAt = now
    if (cursor.offset < payloads.length) return false
    if (batch !== undefined) this.#parts.proposals.onApplied(batch, now)
    this.#appliedIndex = block.first + block.count - 1
    this.#appliedBytes += block.size
    this.#appliedBlocks++
    return true
  }

  /** Returns when the state machine was done with it. */
  #applyEntry(block: EncodedBlock, payload: Uint8Array, batch: Batch<Result> | undefined, offset: number): Instant {
    const { machine, proposals, clock } = this.#parts
    const context = { index: block.first + offset, term: block.term, machineVersion: machine.machineVersion }
    try {
      if (isEnveloped(block, offset)) {
        const outcome = machine.applyEnvelope(payload, context, batch !== undefined)
        this.#appliedIndex = context.index
        const now = clock.now()
        if (batch !== undefined) proposals.conclude(batch, offset, outcome, now)
        return now
      } else {
        const result = machine.apply(payload, context)
        this.#appliedIndex = context.index
        const now = clock.now()
        if (batch !== undefined) proposals.resolve(batch, offset, result, now)
        return now
      }
    } catch (cause) {
      throw isUnsupported(cause) ? cause : applyError(context.index, block.term, cause)
    }
  }

  async #read(range: { readonly from: LogIndex; readonly to: LogIndex }): Promise<void> {
    const { storage, readBytesMax } = this.#parts
    // The range may grow during the read. What it gains was not committed when the read began, and may have been replaced on disk since.
    const { from, to } = range
    try {
      const blocks = await storage.read(from, readBytesMax)
      if (this.#pending.apply?.from === from) this.#readAhead = this.#checked(blocks, to)
    } catch (error) {
      // If a snapshot has replaced the log in the meantime, these blocks are no longer needed.
      const isOutdated = this.#pending.install !== undefined || this.#pending.apply?.from !== from
      if (!isOutdated) throw error
    }
  }

  /** The blocks that start before `to`. A block that was exchanged on disk must not be applied: no other node would have this state. */
  #checked(blocks: readonly EncodedBlock[], to: LogIndex): EncodedBlock[] {
    const wanted = blocks.filter(({ first }) => first < to)
    for (const block of wanted) {
      const own = this.#parts.blockAt(block.first)
      if (own !== undefined && !isSameBlock(own, block)) throw changedBlockError(own, block)
    }
    return wanted
  }

  async #restore(snapshot: SnapshotInfo): Promise<void> {
    const { storage, machine, clock, proposals, onRestored } = this.#parts
    const startedAt = clock.now()
    this.#pending.install = undefined
    this.#isRestoring = true
    proposals.onSnapshotInstalled(snapshot.index)
    let storageError: unknown
    const chunks = captureSourceError(verifiedChunks(storage.snapshots.read(snapshot.id, 0), snapshot), (error) => {
      storageError = error
    })
    try {
      await machine.restore(chunks)
    } catch (cause) {
      throw storageError ?? restoreError(snapshot, cause)
    }
    if (storageError !== undefined) throw storageError
    this.#isRestoring = false
    if (this.#isStopped || this.#pending.install !== undefined) return
    this.#appliedIndex = snapshot.index
    this.#measuredIndex = snapshot.index
    this.#reportedIndex = snapshot.index
    onRestored(snapshot, clock.now() - startedAt)
    this.#parts.onApplied(snapshot.index)
    this.#onBlockBoundary()
  }

  #onBlockBoundary(): void {
    if (this.#boundaryCallbacks.length > 0 && this.isReadable) this.#callBoundaryCallbacks(true)
  }

  #callBoundaryCallbacks(isRunning: boolean): void {
    const callbacks = this.#boundaryCallbacks
    this.#boundaryCallbacks = []
    for (const callback of callbacks) callback(isRunning)
  }

  #fail(error: unknown): void {
    if (this.#isStopped) return
    this.stop('the node stopped first', error)
    this.#parts.onFailed(error)
  }
}

/**
 * Yields the chunks as plain Uint8Arrays, because `slice` of a Buffer does not copy. Reports an error of their source, so that it can
 * be distinguished from an error of the state machine.
 */
async function* captureSourceError(
  chunks: AsyncIterable<Uint8Array>,
  onError: (error: unknown) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const { buffer, byteOffset, byteLength } of chunks) yield new Uint8Array(buffer, byteOffset, byteLength)
  } catch (error) {
    onError(error)
    throw error
  }
}

/** An entry that this release or its state machine does not know. */
function isUnsupported(cause: unknown): boolean {
  return isRaftError(cause, 'ERR_RAFT_FORMAT') || isRaftError(cause, 'ERR_RAFT_MACHINE_TOO_OLD')
}

function applyError(index: LogIndex, term: number, cause: unknown): RaftError {
  const thrown = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
  return new RaftError('ERR_RAFT_APPLY', `the state machine threw at index ${index} (term ${term}): ${thrown}`, {
    hint: 'the same entry fails on every node: fix apply() and restart; return a rejection as a result, do not throw it',
    details: { index, term },
    cause,
  })
}

function restoreError(snapshot: SnapshotInfo, cause: unknown): RaftError {
  if (isRaftError(cause)) return cause
  const thrown = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
  return new RaftError(
    'ERR_RAFT_APPLY',
    `the state machine could not be restored at index ${snapshot.index}: ${thrown}`,
    {
      hint: 'restore() must accept what snapshot() produced',
      details: { index: snapshot.index, snapshot: snapshot.id },
      cause,
    },
  )
}
