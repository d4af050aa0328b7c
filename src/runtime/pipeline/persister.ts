/** Group commit: at most one write to the storage is pending; writes that queue up in the meantime are merged into the next one. */

import type { Clock, Timer } from '../../contracts/clock.ts'
import type { BlockBody, EncodedBlock } from '../../contracts/encoded-block.ts'
import type { Storage, StorageWrite } from '../../contracts/storage.ts'
import type { Persist } from '../../core/effects.ts'
import type { Outgoing } from '../../core/messages.ts'
import type { Block, SnapshotInfo } from '../../core/types.ts'
import { completeBlock, encodeMembership, encodeNoop } from '../../log-format/block.ts'
import type { DiskSpeed } from '../health/disk-speed.ts'
import type { Meters } from '../meters.ts'
import type { BlockCache } from './block-cache.ts'

export interface PersisterParts {
  readonly storage: Pick<Storage, 'write' | 'immediateWrites'>
  readonly clock: Clock
  readonly cache: BlockCache
  readonly lazyWriteMs: number
  /** Measures the durable writes. */
  readonly diskSpeed: Pick<DiskSpeed, 'begin' | 'end'>
  readonly meters: Pick<Meters, 'isActive' | 'write'>
  /** Sends messages that waited for a write. */
  readonly release: (outgoing: readonly Outgoing[]) => void
  /** Write `number` and all before it are durable. */
  readonly onPersisted: (number: number) => void
  /** The snapshot is recorded durably; older files may be removed. */
  readonly onSnapshotRecorded: (snapshot: SnapshotInfo) => void
  /** A write failed. Nothing is written afterwards. */
  readonly onFailed: (error: unknown) => void
}

/** A write requested by the core, with its blocks encoded. */
interface QueuedWrite {
  readonly persist: Persist
  readonly blocks: readonly EncodedBlock[]
}

export class Persister {
  readonly #parts: PersisterParts
  #queue: QueuedWrite[] = []
  #hasUrgent = false
  #writing: Promise<void> | undefined
  #lazyTimer: Timer | undefined
  #isStopped = false

  constructor(parts: PersisterParts) {
    this.#parts = parts
  }

  persist(persist: Persist): void {
    if (this.#isStopped) return
    const { cache } = this.#parts
    if (persist.snapshot?.resetLog === true) cache.clear()
    if (persist.truncateAfter !== undefined) cache.truncateAfter(persist.truncateAfter)
    const blocks = persist.blocks.map(encodeBlock)
    for (const block of blocks) cache.put(block)
    this.#queue.push({ persist, blocks })
    this.#hasUrgent ||= persist.isUrgent
    this.#writeNext()
  }

  /** Writes everything queued; resolves once no write is pending. */
  async drain(): Promise<void> {
    while (this.#writing !== undefined || (this.#queue.length > 0 && !this.#isStopped)) {
      if (this.#writing === undefined) this.#write()
      await this.#writing
    }
  }

  /** Starts no further write. A pending one completes, but is not reported. */
  stop(): void {
    this.#isStopped = true
    this.#lazyTimer?.cancel()
    this.#lazyTimer = undefined
  }

  #writeNext(): void {
    if (this.#writing !== undefined || this.#queue.length === 0 || this.#isStopped) return
    if (this.#hasUrgent) this.#write()
    else
      this.#lazyTimer ??= this.#parts.clock.wakeAt(this.#parts.clock.now() + this.#parts.lazyWriteMs, () =>
        this.#onLazyTimer(),
      )
  }

  #onLazyTimer(): void {
    this.#lazyTimer = undefined
    if (this.#writing === undefined && this.#queue.length > 0 && !this.#isStopped) this.#write()
  }

  #write(): void {
    const group = this.#queue.splice(0, mergeableCount(this.#queue))
    this.#hasUrgent = this.#queue.some(({ persist }) => persist.isUrgent)
    this.#lazyTimer?.cancel()
    this.#lazyTimer = undefined
    const { storage, diskSpeed } = this.#parts
    if (group.some(({ persist }) => persist.isUrgent)) diskSpeed.begin()
    const immediateBefore = storage.immediateWrites
    this.#writing = storage.write(mergeWrites(group)).then(
      () => this.#onWritten(group, storage.immediateWrites !== immediateBefore),
      (error) => this.#onWriteFailed(error),
    )
  }

  #measure(group: readonly QueuedWrite[], tookMs: number, isImmediate: boolean): void {
    let bytes = 0
    for (const { blocks } of group) for (const { size } of blocks) bytes += size
    this.#parts.meters.write(tookMs, bytes, isImmediate)
  }

  #onWritten(group: readonly QueuedWrite[], isImmediate: boolean): void {
    this.#writing = undefined
    if (this.#isStopped) return
    const { cache, diskSpeed, release, onPersisted, onSnapshotRecorded } = this.#parts
    const tookMs = diskSpeed.end()
    if (tookMs !== undefined && this.#parts.meters.isActive) this.#measure(group, tookMs, isImmediate)
    for (const { persist, blocks } of group) {
      // A queued write may have replaced these blocks; then the cache no longer holds them.
      const last = blocks[blocks.length - 1]
      if (last !== undefined && cache.get(last.first, last.term) !== undefined)
        cache.onPersisted(last.first + last.count - 1)
      if (persist.then.length > 0) release(persist.then)
    }
    onPersisted((group[group.length - 1] as QueuedWrite).persist.number)
    const recorded = group.findLast(({ persist }) => persist.snapshot !== undefined)?.persist.snapshot
    if (recorded !== undefined) onSnapshotRecorded(recorded.info)
    this.#writeNext()
  }

  #onWriteFailed(error: unknown): void {
    this.#writing = undefined
    this.#queue = []
    if (this.#isStopped) return
    this.stop()
    this.#parts.onFailed(error)
  }
}

/** A block from the leader is encoded already; the body of a leader's own block too (proposals.ts). */
function encodeBlock(block: Block): EncodedBlock {
  if ('bytes' in block) return block as EncodedBlock
  switch (block.kind) {
    case 'noop':
      return encodeNoop(block.first, block.term)
    case 'membership':
      return encodeMembership(block.first, block.term, block.membership as NonNullable<Block['membership']>)
    case 'commands':
      return completeBlock(block.first, block.term, block.payload as BlockBody)
  }
}

/** The number of writes that can be merged: a snapshot taken here cannot be recorded in the same write as a reset to a fetched one. */
function mergeableCount(queue: readonly QueuedWrite[]): number {
  let isReset = false
  const end = queue.findIndex(({ persist: { snapshot } }) => {
    if (isReset && snapshot?.resetLog === false) return true
    isReset ||= snapshot?.resetLog === true
    return false
  })
  return end === -1 ? queue.length : end
}

/** One write with the effect of the writes in `group`, in order. */
export function mergeWrites(group: readonly QueuedWrite[]): StorageWrite {
  let merged: StorageWrite & { blocks: EncodedBlock[] } = { blocks: [], isUrgent: false }
  for (const { persist, blocks } of group) merged = merge(merged, persist, blocks)
  return merged
}

function merge(
  before: StorageWrite & { blocks: EncodedBlock[] },
  persist: Persist,
  blocks: readonly EncodedBlock[],
): StorageWrite & { blocks: EncodedBlock[] } {
  const { snapshot, truncateAfter, hardState, compactTo } = persist
  const isUrgent = before.isUrgent || persist.isUrgent
  // A reset to a fetched snapshot replaces what the earlier writes contain.
  const kept: typeof before =
    snapshot?.resetLog === true ? { blocks: [], hardState: before.hardState, isUrgent: before.isUrgent } : before
  const resetLog = snapshot?.resetLog === true || kept.snapshot?.resetLog === true
  const appended =
    truncateAfter === undefined ? kept.blocks : kept.blocks.filter((block) => block.first <= truncateAfter)
  for (const block of blocks) appended.push(block)
  return {
    snapshot: snapshot === undefined ? kept.snapshot : { info: snapshot.info, resetLog },
    truncateAfter: minDefined(kept.truncateAfter, truncateAfter),
    blocks: appended,
    hardState: hardState ?? kept.hardState,
    compactTo: maxDefined(kept.compactTo, compactTo),
    isUrgent,
  }
}

function minDefined(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other)
}

function maxDefined(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.max(one, other)
}
