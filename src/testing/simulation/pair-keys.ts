/** The keys of pairs of nodes: each is built once, since a run asks for the same few with every message. */
import type { NodeId } from '../../core/types.ts'

export class PairKeys {
  readonly #separator: string
  readonly #keys = new Map<NodeId, Map<NodeId, string>>()

  constructor(separator: string) {
    this.#separator = separator
  }

  of(one: NodeId, other: NodeId): string {
    let keys = this.#keys.get(one)
    if (keys === undefined) {
      keys = new Map()
      this.#keys.set(one, keys)
    }
    let key = keys.get(other)
    if (key === undefined) {
      key = `${one}${this.#separator}${other}`
      keys.set(other, key)
    }
    return key
  }
}
