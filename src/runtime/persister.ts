/** Group commit: at most one write of the log is under way, and all that waits meanwhile goes into the next one. */
import type { EncodedBlock } from '../contracts/block.ts'
import { encodeCommands, encodeMembership, encodeNoop } from '../contracts/block.ts'
import type { Clock, Timer } from '../contracts/clock.ts'
import type { Storage, StorageWrite } from '../contracts/storage.ts'
import type { Persist } from '../core/effects.ts'
import type { Outgoing } from '../core/messages.ts'
import type { Block, SnapshotInfo } from '../core/types.ts'
import type { BlockCache } from './block-cache.ts'

export interface PersisterParts {
  readonly storage: Pick<Storage, 'write'>
  readonly clock: Clock
  readonly cache: BlockCache
  readonly lazyWriteMs: number
  /** These messages may leave now. */
  readonly release: (outgoing: readonly Outgoing[]) => void
  /** Write `number` and all before it are durable. */
  readonly persisted: (number: number) => void
  /** A snapshot is durably the newest one, and the files of older ones may go. */
  readonly snapshotRecorded: (snapshot: SnapshotInfo) => void
  /** A write failed: the disk is not to be trusted any more. */
  readonly failed: (error: unknown) => void
}

/** A write of the core's with its blocks as bytes. */
interface Pending {
  readonly persist: Persist
  readonly blocks: readonly EncodedBlock[]
}

export class Persister {
  readonly #parts: PersisterParts
  #waiting: Pending[] = []
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
    const blocks = persist.blocks.map(encodedOf)
    for (const block of blocks) cache.put(block)
    this.#waiting.push({ persist, blocks })
    this.#hasUrgent ||= persist.isUrgent
    this.#next()
  }

  /** Writes what waits, and resolves when nothing is under way any more. */
  async drain(): Promise<void> {
    while (this.#writing !== undefined || (this.#waiting.length > 0 && !this.#isStopped)) {
      if (this.#writing === undefined) this.#write()
      await this.#writing
    }
  }

  /** Nothing more is begun; a write under way is not taken back. */
  stop(): void {
    this.#isStopped = true
    this.#lazyTimer?.cancel()
    this.#lazyTimer = undefined
  }

  #next(): void {
    if (this.#writing !== undefined || this.#waiting.length === 0 || this.#isStopped) return
    if (this.#hasUrgent) this.#write()
    else
      this.#lazyTimer ??= this.#parts.clock.wakeAt(this.#parts.clock.now() + this.#parts.lazyWriteMs, () =>
        this.#lazy(),
      )
  }

  #lazy(): void {
    this.#lazyTimer = undefined
    if (this.#writing === undefined && this.#waiting.length > 0 && !this.#isStopped) this.#write()
  }

  #write(): void {
    const group = this.#waiting.splice(0, mergeable(this.#waiting))
    this.#hasUrgent = this.#waiting.some(({ persist }) => persist.isUrgent)
    this.#lazyTimer?.cancel()
    this.#lazyTimer = undefined
    this.#writing = this.#parts.storage.write(mergeWrites(group)).then(
      () => this.#wrote(group),
      (error) => this.#failed(error),
    )
  }

  #wrote(group: readonly Pending[]): void {
    this.#writing = undefined
    if (this.#isStopped) return
    const { cache, release, persisted, snapshotRecorded } = this.#parts
    for (const { persist, blocks } of group) {
      // A later write that still waits may have replaced these blocks; then the cache has forgotten them already.
      const last = blocks[blocks.length - 1]
      if (last !== undefined && cache.get(last.first, last.term) !== undefined)
        cache.persistedTo(last.first + last.count - 1)
      if (persist.then.length > 0) release(persist.then)
    }
    persisted((group[group.length - 1] as Pending).persist.number)
    const recorded = group.findLast(({ persist }) => persist.snapshot !== undefined)?.persist.snapshot
    if (recorded !== undefined) snapshotRecorded(recorded.info)
    this.#next()
  }

  #failed(error: unknown): void {
    this.#writing = undefined
    this.#waiting = []
    if (this.#isStopped) return
    this.stop()
    this.#parts.failed(error)
  }
}

/** The block as bytes: as it came from the leader, or encoded now, once and for all. */
function encodedOf(block: Block): EncodedBlock {
  if ('bytes' in block) return block as EncodedBlock
  switch (block.kind) {
    case 'noop':
      return encodeNoop(block.first, block.term)
    case 'membership':
      return encodeMembership(block.first, block.term, block.membership as NonNullable<Block['membership']>)
    case 'commands':
      return encodeCommands(block.first, block.term, block.payload as readonly Uint8Array[])
  }
}

/** How many of these fit into one write: a snapshot of our own cannot be recorded in the same write as a reset to a fetched one. */
function mergeable(waiting: readonly Pending[]): number {
  let isReset = false
  const end = waiting.findIndex(({ persist: { snapshot } }) => {
    if (isReset && snapshot?.resetLog === false) return true
    isReset ||= snapshot?.resetLog === true
    return false
  })
  return end === -1 ? waiting.length : end
}

/** One write with the effect of all of these, one after the other. */
export function mergeWrites(group: readonly Pending[]): StorageWrite {
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
  // What a fetched snapshot replaces need never have been written.
  const kept: typeof before =
    snapshot?.resetLog === true ? { blocks: [], hardState: before.hardState, isUrgent: before.isUrgent } : before
  const resetLog = snapshot?.resetLog === true || kept.snapshot?.resetLog === true
  const standing =
    truncateAfter === undefined ? kept.blocks : kept.blocks.filter((block) => block.first <= truncateAfter)
  for (const block of blocks) standing.push(block)
  return {
    snapshot: snapshot === undefined ? kept.snapshot : { info: snapshot.info, resetLog },
    truncateAfter: least(kept.truncateAfter, truncateAfter),
    blocks: standing,
    hardState: hardState ?? kept.hardState,
    compactTo: greatest(kept.compactTo, compactTo),
    isUrgent,
  }
}

function least(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other)
}

function greatest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.max(one, other)
}
