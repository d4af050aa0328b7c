/** The latest digests of one node's state machine, so that they can be compared with those of another node at the same index. */
import type { LogIndex, StateDigest } from '../types.ts'

/** Older ones are forgotten: a node that applies this many behind another is compared again once it has caught up. */
const DIGESTS_KEPT = 16

export class StateDigests {
  /** Invariant: indexes strictly increase. */
  #digests: StateDigest[] = []

  get latest(): StateDigest | undefined {
    return this.#digests.at(-1)
  }

  at(index: LogIndex): StateDigest | undefined {
    return this.#digests.find((digest) => digest.index === index)
  }

  /** Returns false if it is the latest one already. A node that has restarted applies entries again: what was known from there on is replaced. */
  add(digest: StateDigest): boolean {
    const { latest } = this
    if (latest !== undefined && latest.index === digest.index && isSameState(latest, digest)) return false
    this.#digests = this.#digests.filter(({ index }) => index < digest.index).slice(1 - DIGESTS_KEPT)
    this.#digests.push(digest)
    return true
  }
}

/** Whether two digests show two states to be equal. Those of different kinds show nothing. */
export function isSameState(one: StateDigest, other: StateDigest): boolean {
  return one.kind === other.kind && one.value === other.value
}
