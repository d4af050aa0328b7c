/** Where the search has been: what is placed and the state it led to. From there it need not go on again. */
import { BitSet } from './bit-set.ts'

export class VisitedStates {
  /** By the calls with a result that are placed and the state: which open calls it took, of each way that was gone. */
  readonly #openCallSets = new Map<string, BitSet[]>()
  readonly #answered: BitSet
  readonly #open: BitSet

  /** Both count calls: those with a result, and the open ones. */
  constructor(required: number, open: number) {
    this.#answered = new BitSet(required)
    this.#open = new BitSet(open)
  }

  flipAnswered(number: number): void {
    this.#answered.flip(number)
  }

  flipOpen(number: number): void {
    this.#open.flip(number)
  }

  hasOpen(number: number): boolean {
    return this.#open.has(number)
  }

  /**
   * Comes to a state, unless the search has been there at no higher price: whoever took fewer of the open calls has all the ways
   * on that are left here, and more.
   */
  addIfNew(hash: string): boolean {
    const key = `${this.#answered.key} ${hash}`
    const openCallSets = this.#openCallSets.get(key)
    if (openCallSets === undefined) {
      this.#openCallSets.set(key, [this.#open.copy()])
      return true
    }
    if (openCallSets.some((way) => way.isSubsetOf(this.#open))) return false
    openCallSets.push(this.#open.copy())
    return true
  }
}
