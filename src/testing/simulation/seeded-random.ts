/** A random number generator with a seed: the same stream of integers on every machine, without floating point. */

/** xoshiro128** by Blackman and Vigna, seeded by splitmix32. */
export class SeededRandom {
  readonly #seed: number
  #a: number
  #b: number
  #c: number
  #d: number

  constructor(seed: number) {
    this.#seed = seed >>> 0
    let state = this.#seed
    const nextWord = (): number => {
      state = (state + 0x9e3779b9) | 0
      let z = state
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
      return z ^ (z >>> 15)
    }
    this.#a = nextWord()
    this.#b = nextWord()
    this.#c = nextWord()
    this.#d = nextWord() | 1
  }

  /** An unsigned 32-bit integer. */
  next(): number {
    const x = Math.imul(this.#b, 5)
    const result = Math.imul((x << 7) | (x >>> 25), 9)
    const t = this.#b << 9
    this.#c ^= this.#a
    this.#d ^= this.#b
    this.#b ^= this.#c
    this.#a ^= this.#d
    this.#c ^= t
    this.#d = (this.#d << 11) | (this.#d >>> 21)
    return result >>> 0
  }

  /** An integer in [0, limit). The bias of the remainder is below 2^-10 for the limits a simulation uses. */
  below(limit: number): number {
    return limit <= 1 ? 0 : this.next() % limit
  }

  /** An integer in [from, to). */
  between(from: number, to: number): number {
    return from + this.below(to - from)
  }

  /** True with a probability of `perMille` per thousand. */
  chance(perMille: number): boolean {
    return perMille > 0 && this.below(1000) < perMille
  }

  pick<Value>(values: readonly Value[]): Value {
    if (values.length === 0) throw new RangeError('cannot pick from nothing')
    return values[this.below(values.length)] as Value
  }

  /** An independent stream for one part of the simulation: draws of one part do not affect the others. */
  fork(name: string): SeededRandom {
    let hash = 0x811c9dc5 ^ this.#seed
    for (let offset = 0; offset < name.length; offset++) hash = Math.imul(hash ^ name.charCodeAt(offset), 0x01000193)
    return new SeededRandom(hash)
  }
}
