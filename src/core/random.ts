/** A seeded random number generator. Integer arithmetic only, so that a seed gives the same numbers on every engine. */

export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** A random integer in [from, to); `from` if the range is empty. */
  between(from: number, to: number): number {
    if (to <= from) return from
    return from + (this.#next() % (to - from))
  }

  /** The next 32 bits (splitmix32). */
  #next(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return (mixed ^ (mixed >>> 15)) >>> 0
  }
}
