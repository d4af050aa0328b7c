/** The writes a node has asked for and not heard of yet: what is durable, what must wait, and whether the disk still moves. */
import { assert } from './assert.ts'
import type { Instant, LogIndex } from './types.ts'

interface PendingWrite {
  readonly number: number
  /** The last index of the log once this write is done; capped when a later step truncates. */
  lastIndex: LogIndex
  readonly isHardState: boolean
  readonly startedAt: Instant
}

export class PendingWrites {
  #lastNumber = 0
  #pending: PendingWrite[] = []

  /** Whether a term or a vote is on its way to disk: until then nothing may be said. */
  get isHardStatePending(): boolean {
    return this.#pending.some((write) => write.isHardState)
  }

  get lastNumber(): number {
    return this.#lastNumber
  }

  get isIdle(): boolean {
    return this.#pending.length === 0
  }

  begin(lastIndex: LogIndex, isHardState: boolean, now: Instant): number {
    this.#lastNumber++
    this.#pending.push({ number: this.#lastNumber, lastIndex, isHardState, startedAt: now })
    return this.#lastNumber
  }

  /** The suffix after `index` goes: no write under way makes it durable any more. */
  truncateAfter(index: LogIndex): void {
    for (const write of this.#pending) write.lastIndex = Math.min(write.lastIndex, index)
  }

  /** Writes up to `number` are durable. Returns the last index they made so. */
  complete(number: number): LogIndex {
    assert(number <= this.#lastNumber, 'only what was asked for can become durable')
    let lastIndex = 0
    let count = 0
    while (count < this.#pending.length && (this.#pending[count] as PendingWrite).number <= number) {
      lastIndex = (this.#pending[count] as PendingWrite).lastIndex
      count++
    }
    this.#pending.splice(0, count)
    return lastIndex
  }

  /** Since when the oldest write is under way. */
  get oldestSince(): Instant | undefined {
    return this.#pending[0]?.startedAt
  }

  /** The node was paused: it cannot tell how long the disk took meanwhile. */
  resetAges(now: Instant): void {
    this.#pending = this.#pending.map((write) => ({ ...write, startedAt: now }))
  }
}
