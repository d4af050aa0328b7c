/** The states that the search has visited (Lowe's cache): the calls that are linearized, and the model state they led to. */
import { BitSet } from './bit-set.ts'

export class VisitedStates {
  /** By linearized answered calls and model state: the set of open calls that each visit had used. */
  readonly #openCallSets = new Map<string, BitSet[]>()
  readonly #answered: BitSet
  readonly #open: BitSet

  /** Takes the number of answered calls and the number of open calls. */
  constructor(answered: number, open: number) {
    this.#answered = new BitSet(answered)
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
   * Adds the current state. Returns false if the search has already reached it with a subset of the open calls used here: that
   * visit could continue in every way this one can.
   */
  addIfNew(hash: string): boolean {
    const key = `${this.#answered.key} ${hash}`
    const openCallSets = this.#openCallSets.get(key)
    if (openCallSets === undefined) {
      this.#openCallSets.set(key, [this.#open.copy()])
      return true
    }
    if (openCallSets.some((earlier) => earlier.isSubsetOf(this.#open))) return false
    openCallSets.push(this.#open.copy())
    return true
  }
}
