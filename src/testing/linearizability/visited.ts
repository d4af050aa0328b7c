/** Where the search has been: what is placed and the state it led to. From there it need not go on again. */
import { BitSet } from './bit-set.ts'

export class Visited {
  /** By the calls with a result that are placed and the state: which open calls it took, of each way that was gone. */
  readonly #ways = new Map<string, BitSet[]>()
  readonly #placed: BitSet
  readonly #spent: BitSet

  /** Both count calls: those with a result, and the open ones. */
  constructor(required: number, open: number) {
    this.#placed = new BitSet(required)
    this.#spent = new BitSet(open)
  }

  flipPlaced(number: number): void {
    this.#placed.flip(number)
  }

  flipSpent(number: number): void {
    this.#spent.flip(number)
  }

  isSpent(number: number): boolean {
    return this.#spent.has(number)
  }

  /**
   * Comes to a state, unless the search has been there at no higher price: whoever took fewer of the open calls has all the ways
   * on that are left here, and more.
   */
  enter(hash: string): boolean {
    const key = `${this.#placed.text} ${hash}`
    const ways = this.#ways.get(key)
    if (ways === undefined) {
      this.#ways.set(key, [this.#spent.copy()])
      return true
    }
    if (ways.some((way) => way.isWithin(this.#spent))) return false
    ways.push(this.#spent.copy())
    return true
  }
}
