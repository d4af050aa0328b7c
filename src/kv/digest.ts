/** An incremental hash of the whole state: the sum of the hashes of all entries, independent of their order. */
import type { LogIndex } from '../core/types.ts'

/** The hashed fields of an entry; `value` holds one byte per character. */
export interface HashedEntry {
  readonly value: string
  readonly version: number
  readonly index: LogIndex
}

/**
 * Detects states that differ by a bug or a flipped bit; it is not resistant to deliberate collisions.
 * It consists of two 32-bit sums, in which adding and removing entries is exact.
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

/** Two lanes of multiply-and-xor, mixed with each other at the end (after cyrb53). */
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
