/** The writes a node has asked for and not heard of yet: what is durable, what must wait, and whether the disk still moves. */
import { assert } from './assert.ts'
import type { Instant, LogIndex } from './types.ts'

interface Outstanding {
  readonly number: number
  /** The last index of the log once this write is done; capped when a later step truncates. */
  lastIndex: LogIndex
  readonly isHardState: boolean
  readonly askedAt: Instant
}

export class Disk {
  #lastNumber = 0
  #outstanding: Outstanding[] = []

  /** Whether a term or a vote is on its way to disk: until then nothing may be said. */
  get isHardStatePending(): boolean {
    return this.#outstanding.some((write) => write.isHardState)
  }

  get lastNumber(): number {
    return this.#lastNumber
  }

  get isIdle(): boolean {
    return this.#outstanding.length === 0
  }

  ask(lastIndex: LogIndex, isHardState: boolean, now: Instant): number {
    this.#lastNumber++
    this.#outstanding.push({ number: this.#lastNumber, lastIndex, isHardState, askedAt: now })
    return this.#lastNumber
  }

  /** The suffix after `index` goes: no write under way makes it durable any more. */
  truncateAfter(index: LogIndex): void {
    for (const write of this.#outstanding) write.lastIndex = Math.min(write.lastIndex, index)
  }

  /** Writes up to `number` are durable. Returns the last index they made so. */
  complete(number: number): LogIndex {
    assert(number <= this.#lastNumber, 'only what was asked for can become durable')
    let lastIndex = 0
    let count = 0
    while (count < this.#outstanding.length && (this.#outstanding[count] as Outstanding).number <= number) {
      lastIndex = (this.#outstanding[count] as Outstanding).lastIndex
      count++
    }
    this.#outstanding.splice(0, count)
    return lastIndex
  }

  /** Since when the oldest write is under way. */
  get waitingSince(): Instant | undefined {
    return this.#outstanding[0]?.askedAt
  }

  /** The node was paused: it cannot tell how long the disk took meanwhile. */
  forgive(now: Instant): void {
    this.#outstanding = this.#outstanding.map((write) => ({ ...write, askedAt: now }))
  }
}
