/** Tracks the writes that are not durable yet: what each will make durable, and how long the oldest has been pending. */
import { assert } from './assert.ts'
import type { Instant, LogIndex } from './types.ts'

interface PendingWrite {
  readonly number: number
  /** The last index of the log that this write makes durable; lowered when a later step truncates the log. */
  lastIndex: LogIndex
  /** Whether it contains a new term or vote. */
  readonly changesHardState: boolean
  readonly startedAt: Instant
}

export class PendingWrites {
  #lastNumber = 0
  #pending: PendingWrite[] = []

  /** Whether a write of a term or vote is pending. Until it is durable, no message of that term may be sent. */
  get isHardStatePending(): boolean {
    return this.#pending.some((write) => write.changesHardState)
  }

  get lastNumber(): number {
    return this.#lastNumber
  }

  get isIdle(): boolean {
    return this.#pending.length === 0
  }

  /** Returns the number of the new write. */
  begin(lastIndex: LogIndex, changesHardState: boolean, now: Instant): number {
    this.#lastNumber++
    this.#pending.push({ number: this.#lastNumber, lastIndex, changesHardState, startedAt: now })
    return this.#lastNumber
  }

  /** The log is truncated after `index`: no pending write makes anything beyond it durable. */
  truncateAfter(index: LogIndex): void {
    for (const write of this.#pending) write.lastIndex = Math.min(write.lastIndex, index)
  }

  /** All writes up to `number` are durable. Returns the last index they made durable, or 0. */
  complete(number: number): LogIndex {
    assert(number <= this.#lastNumber, 'only requested writes become durable')
    let lastIndex = 0
    let count = 0
    while (count < this.#pending.length && (this.#pending[count] as PendingWrite).number <= number) {
      lastIndex = (this.#pending[count] as PendingWrite).lastIndex
      count++
    }
    this.#pending.splice(0, count)
    return lastIndex
  }

  /** When the oldest pending write began. */
  get oldestSince(): Instant | undefined {
    return this.#pending[0]?.startedAt
  }

  /** Restarts the age of every write: after a pause it is unknown how long the disk really took. */
  resetAges(now: Instant): void {
    this.#pending = this.#pending.map((write) => ({ ...write, startedAt: now }))
  }
}
