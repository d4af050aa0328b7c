/** A hash of the whole state that costs one small hash per write: the sum of the hashes of all entries, in any order. */
import type { LogIndex } from '../core/types.ts'

/** What is hashed of an entry; `value` holds one byte per character. */
export interface HashedEntry {
  readonly value: string
  readonly version: number
  readonly index: LogIndex
}

/**
 * Tells states apart that ought to be equal (a bug, a flipped bit); it is no proof against somebody who makes collisions.
 * Two sums of 32 bits each, so that adding and taking away are exact.
 */
export class Digest {
  #high = 0
  #low = 0

  add(key: string, entry: HashedEntry): void {
    const [high, low] = hash(key, entry)
    this.#high = (this.#high + high) >>> 0
    this.#low = (this.#low + low) >>> 0
  }

  remove(key: string, entry: HashedEntry): void {
    const [high, low] = hash(key, entry)
    this.#high = (this.#high - high) >>> 0
    this.#low = (this.#low - low) >>> 0
  }

  /** 16 hexadecimal digits. */
  toString(): string {
    return this.#high.toString(16).padStart(8, '0') + this.#low.toString(16).padStart(8, '0')
  }
}

/** Two lanes of multiply-and-xor, crossed at the end (after cyrb53). */
function hash(key: string, entry: HashedEntry): readonly [high: number, low: number] {
  let high = 0xdeadbeef ^ key.length
  let low = 0x41c6ce57 ^ entry.value.length
  const mix = (word: number): void => {
    high = Math.imul(high ^ word, 2654435761)
    low = Math.imul(low ^ word, 1597334677)
  }
  for (let offset = 0; offset < key.length; offset++) mix(key.charCodeAt(offset))
  for (let offset = 0; offset < entry.value.length; offset++) mix(entry.value.charCodeAt(offset))
  mix(entry.version >>> 0)
  mix(Math.floor(entry.version / 2 ** 32))
  mix(entry.index >>> 0)
  mix(Math.floor(entry.index / 2 ** 32))
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909)
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909)
  return [high >>> 0, low >>> 0]
}
