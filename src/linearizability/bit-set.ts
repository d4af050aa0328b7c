/** A set of small integers, optimized for membership tests, copies and comparisons. */

const BITS = 16
const FULL = 0xffff

export class BitSet {
  readonly #words: Uint16Array

  constructor(size: number | Uint16Array) {
    this.#words = typeof size === 'number' ? new Uint16Array(Math.ceil(size / BITS)) : size
  }

  has(member: number): boolean {
    return ((this.#words[Math.floor(member / BITS)] as number) & (1 << (member % BITS))) !== 0
  }

  flip(member: number): void {
    const word = Math.floor(member / BITS)
    this.#words[word] = (this.#words[word] as number) ^ (1 << (member % BITS))
  }

  copy(): BitSet {
    return new BitSet(this.#words.slice())
  }

  isSubsetOf(other: BitSet): boolean {
    return this.#words.every((word, at) => (word & ~(other.#words[at] as number)) === 0)
  }

  /** A string that is equal for equal sets only. Short if the set is nearly a prefix of the integers. */
  get key(): string {
    const words = this.#words
    let from = 0
    while (from < words.length && words[from] === FULL) from++
    let to = words.length
    while (to > from && words[to - 1] === 0) to--
    let text = `${from} `
    for (let at = from; at < to; at++) text += String.fromCharCode(words[at] as number)
    return text
  }
}
