/** Feeds the state machine: committed commands in order, or a snapshot in their place; never both at once, never one skipped. */
import type { EncodedBlock } from '../contracts/block.ts'
import { payloadsOf } from '../contracts/block.ts'
import type { Clock } from '../contracts/clock.ts'
import type { Codec, StateMachine } from '../contracts/state-machine.ts'
import type { Storage } from '../contracts/storage.ts'
import type { LogIndex, LogRange, SnapshotInfo } from '../core/types.ts'
import { isRaftError, RaftError } from '../errors.ts'
import type { BlockCache } from './block-cache.ts'
import type { Batch, Proposals } from './proposals.ts'

export interface ApplierParts<Command, Result> {
  readonly machine: Pick<StateMachine<Command, Result>, 'apply' | 'restore'>
  readonly codec: Codec<Command>
  readonly storage: Pick<Storage, 'read' | 'snapshots'>
  readonly cache: BlockCache
  readonly clock: Clock
  readonly proposals: Proposals
  readonly readBytesMax: number
  readonly applyTurnMs: number
  /** All whole blocks up to here are applied. */
  readonly applied: (index: LogIndex) => void
  readonly restored: (snapshot: SnapshotInfo, tookMs: number) => void
  readonly failed: (error: unknown) => void
}

/** Work to do, in order: at most one snapshot, then one range. */
interface Plan {
  install: SnapshotInfo | undefined
  apply: { from: LogIndex; to: LogIndex } | undefined
}

/** A block half applied, when the event loop wanted its turn. */
interface Cursor {
  readonly block: EncodedBlock
  readonly payloads: readonly Uint8Array[]
  readonly batch: Batch | undefined
  offset: number
}

export class Applier<Command, Result> {
  readonly #parts: ApplierParts<Command, Result>
  #plan: Plan = { install: undefined, apply: undefined }
  #cursor: Cursor | undefined
  /** Blocks read from disk, to be applied next. */
  #ahead: EncodedBlock[] = []
  /** Something asynchronous is under way: a disk read, a restore, or a pause for the event loop. */
  #isBusy = false
  #isRestoring = false
  #isStopped = false
  #appliedIndex: LogIndex = 0
  #reportedIndex: LogIndex = 0
  #appliedBytes = 0
  #atBoundary: ((isAlive: boolean) => void)[] = []

  constructor(parts: ApplierParts<Command, Result>) {
    this.#parts = parts
  }

  /** The last command the machine has seen. */
  get appliedIndex(): LogIndex {
    return this.#appliedIndex
  }

  /** Bytes of all blocks applied in this life. */
  get appliedBytes(): number {
    return this.#appliedBytes
  }

  /** False while a snapshot replaces the machine's state, or is about to. */
  get isReadable(): boolean {
    return this.#plan.install === undefined && !this.#isRestoring
  }

  /** Whatever stands before the snapshot need not be applied any more. */
  install(snapshot: SnapshotInfo): void {
    const { proposals } = this.#parts
    if (this.#cursor?.batch !== undefined) proposals.abandon(this.#cursor.batch, 'a snapshot of the leader came first')
    this.#cursor = undefined
    this.#ahead = []
    this.#plan = { install: snapshot, apply: undefined }
    this.#run()
  }

  apply(range: LogRange): void {
    if (this.#plan.apply === undefined) this.#plan.apply = { from: range.from, to: range.to }
    else this.#plan.apply.to = range.to
    this.#run()
  }

  /**
   * Calls back as soon as whole blocks are applied and nothing is being restored: at once, if that is so now. `isAlive` is false if
   * that will never be, because the node ends.
   */
  atBoundary(callback: (isAlive: boolean) => void): void {
    if (this.#isStopped || (this.#cursor === undefined && this.isReadable)) callback(!this.#isStopped)
    else this.#atBoundary.push(callback)
  }

  stop(why: string, cause?: unknown): void {
    this.#isStopped = true
    if (this.#cursor?.batch !== undefined) this.#parts.proposals.abandon(this.#cursor.batch, why, cause)
    this.#cursor = undefined
    this.#callBoundary(false)
  }

  #run(): void {
    if (this.#isBusy || this.#isStopped) return
    try {
      this.#work()
    } catch (error) {
      return this.#fail(error)
    }
    const boundary = this.#cursor === undefined ? this.#appliedIndex : this.#cursor.block.first - 1
    if (boundary <= this.#reportedIndex || this.#isRestoring) return
    this.#reportedIndex = boundary
    this.#parts.applied(boundary)
  }

  /** Until there is nothing to do, or something to wait for. */
  #work(): void {
    const { clock, applyTurnMs } = this.#parts
    const until = clock.now() + applyTurnMs
    while (!this.#isStopped) {
      if (this.#plan.install !== undefined) return this.#wait(this.#restore(this.#plan.install))
      const { apply } = this.#plan
      if (apply === undefined) return
      if (apply.from >= apply.to) {
        this.#plan.apply = undefined
        return
      }
      this.#cursor ??= this.#open(apply.from)
      if (this.#cursor === undefined) return this.#wait(this.#read(apply))
      if (!this.#advance(this.#cursor, until)) return this.#wait(new Promise((resolve) => clock.defer(resolve)))
      apply.from += this.#cursor.block.count
      this.#cursor = undefined
      this.#reachBoundary()
    }
  }

  #wait(promise: Promise<void>): void {
    this.#isBusy = true
    void promise.then(
      () => {
        this.#isBusy = false
        this.#run()
      },
      (error) => this.#fail(error),
    )
  }

  /** The block that starts there, from memory or read ahead; undefined if it must be read first. */
  #open(first: LogIndex): Cursor | undefined {
    const ahead = this.#ahead[0]?.first === first ? this.#ahead.shift() : undefined
    const block = ahead ?? this.#parts.cache.get(first)
    if (block === undefined) return undefined
    const batch = this.#parts.proposals.take(block.first, block.count, block.term)
    return { block, payloads: block.kind === 'commands' ? payloadsOf(block) : [], batch, offset: 0 }
  }

  /** Applies the block, or as much of it as there is time for; says whether it is done. */
  #advance(cursor: Cursor, until: number): boolean {
    const { block, payloads, batch } = cursor
    const { clock, codec, machine, proposals } = this.#parts
    while (cursor.offset < payloads.length) {
      const index = block.first + cursor.offset
      let result: Result
      try {
        result = machine.apply(codec.decode(payloads[cursor.offset] as Uint8Array), { index, term: block.term })
      } catch (cause) {
        throw applyError(index, block.term, cause)
      }
      this.#appliedIndex = index
      if (batch !== undefined) proposals.resolve(batch, cursor.offset, result)
      cursor.offset++
      if (clock.now() > until) break
    }
    if (cursor.offset < payloads.length) return false
    this.#appliedIndex = block.first + block.count - 1
    this.#appliedBytes += block.size
    return true
  }

  async #read(range: { readonly from: LogIndex; readonly to: LogIndex }): Promise<void> {
    const { storage, readBytesMax } = this.#parts
    const { from } = range
    try {
      const blocks = await storage.read(from, readBytesMax)
      if (this.#plan.apply?.from === from) this.#ahead = blocks.filter((block) => block.first < range.to)
    } catch (error) {
      // The log was replaced by a snapshot under our hands: then nobody wants these blocks any more.
      const isOutdated = this.#plan.install !== undefined || this.#plan.apply?.from !== from
      if (!isOutdated) throw error
    }
  }

  async #restore(snapshot: SnapshotInfo): Promise<void> {
    const { storage, machine, clock, proposals, restored } = this.#parts
    const startedAt = clock.now()
    this.#plan.install = undefined
    this.#isRestoring = true
    proposals.installed(snapshot.index)
    let storageError: unknown
    const chunks = noteError(storage.snapshots.read(snapshot.id, 0), (error) => {
      storageError = error
    })
    try {
      await machine.restore(chunks)
    } catch (cause) {
      throw storageError ?? restoreError(snapshot, cause)
    }
    if (storageError !== undefined) throw storageError
    this.#isRestoring = false
    if (this.#isStopped || this.#plan.install !== undefined) return
    this.#appliedIndex = snapshot.index
    this.#reportedIndex = snapshot.index
    restored(snapshot, clock.now() - startedAt)
    this.#parts.applied(snapshot.index)
    this.#reachBoundary()
  }

  #reachBoundary(): void {
    if (this.#atBoundary.length > 0 && this.isReadable) this.#callBoundary(true)
  }

  #callBoundary(isAlive: boolean): void {
    const callbacks = this.#atBoundary
    this.#atBoundary = []
    for (const callback of callbacks) callback(isAlive)
  }

  #fail(error: unknown): void {
    if (this.#isStopped) return
    this.stop('the node has stopped on the way', error)
    this.#parts.failed(error)
  }
}

/**
 * Passes chunks on, as plain Uint8Arrays (the `slice` of a Buffer does not copy, which surprises), and remembers an error of their
 * source, to tell it from one of the reader.
 */
async function* noteError(
  chunks: AsyncIterable<Uint8Array>,
  note: (error: unknown) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const { buffer, byteOffset, byteLength } of chunks) yield new Uint8Array(buffer, byteOffset, byteLength)
  } catch (error) {
    note(error)
    throw error
  }
}

function applyError(index: LogIndex, term: number, cause: unknown): RaftError {
  const thrown = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
  return new RaftError('ERR_RAFT_APPLY', `the state machine threw at index ${index} (term ${term}): ${thrown}`, {
    hint: 'the same entry fails on every node: mend apply(), then start again; refusals belong in the result',
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
      hint: 'restore() must take what snapshot() has given',
      details: { index: snapshot.index, snapshot: snapshot.id },
      cause,
    },
  )
}
