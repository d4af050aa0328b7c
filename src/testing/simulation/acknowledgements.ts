/** When the writes of a run were acknowledged, so that reads of a limited age can be checked. */
import type { LogIndex } from '../../core/types.ts'

export class Acknowledgements {
  /** The highest acknowledged index so far, at each time it rose. */
  readonly #rises: { readonly us: number; readonly index: LogIndex }[] = []

  get highest(): LogIndex {
    return this.#rises.at(-1)?.index ?? 0
  }

  add(us: number, index: LogIndex): void {
    if (index > this.highest) this.#rises.push({ us, index })
  }

  /** The highest index of a write that was acknowledged before this time. */
  before(us: number): LogIndex {
    return this.#rises.findLast((rise) => rise.us < us)?.index ?? 0
  }
}
