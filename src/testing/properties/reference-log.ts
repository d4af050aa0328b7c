/** A log as a judge remembers it: the term of every index, and the memberships. Written apart from the core's own, and simpler. */
import type { Block, LogIndex, Membership, SnapshotInfo, Term } from '../../core/types.ts'

export interface MembershipEntry {
  readonly index: LogIndex
  readonly membership: Membership
}

export class ReferenceLog {
  /** Terms are known from `#base + 1` on, and at `#base` if it is a snapshot's. */
  #base: LogIndex = 0
  #baseTerm: Term | undefined = 0
  #terms: Term[] = []
  /** Oldest first; the first one is what held before any other. */
  #memberships: MembershipEntry[] = []

  constructor(initial: Membership, snapshot: SnapshotInfo | undefined, blocks: readonly Block[]) {
    this.#memberships = [{ index: snapshot?.index ?? 0, membership: snapshot?.membership ?? initial }]
    const first = blocks[0]?.first
    if (first !== undefined) {
      this.#base = first - 1
      this.#baseTerm = snapshot?.index === this.#base ? snapshot.term : this.#base === 0 ? 0 : undefined
    } else if (snapshot !== undefined) {
      this.#base = snapshot.index
      this.#baseTerm = snapshot.term
    }
    for (const block of blocks) this.append(block)
  }

  get lastIndex(): LogIndex {
    return this.#base + this.#terms.length
  }

  get baseIndex(): LogIndex {
    return this.#base
  }

  /** The term of the entry at an index; undefined where that is not known here. */
  termAt(index: LogIndex): Term | undefined {
    return index === this.#base ? this.#baseTerm : this.#terms[index - this.#base - 1]
  }

  /** The latest membership in the log. */
  get membership(): MembershipEntry {
    return this.#memberships[this.#memberships.length - 1] as MembershipEntry
  }

  /** The membership in force at an index; undefined below the first one known. */
  membershipAt(index: LogIndex): Membership | undefined {
    return this.#memberships.findLast((entry) => entry.index <= index)?.membership
  }

  /** Oldest first: what held before any other that is known, and all later ones. */
  get memberships(): readonly MembershipEntry[] {
    return this.#memberships
  }

  reset(snapshot: SnapshotInfo): void {
    this.#base = snapshot.index
    this.#baseTerm = snapshot.term
    this.#terms = []
    this.#memberships = [{ index: snapshot.index, membership: snapshot.membership }]
  }

  truncateAfter(index: LogIndex): void {
    this.#terms.length = Math.max(0, Math.min(this.#terms.length, index - this.#base))
    while (this.#memberships.length > 1 && this.membership.index > index) this.#memberships.pop()
  }

  /** Blocks come in order and without a gap; says so if this one does not. */
  append(block: Block): void {
    if (block.first !== this.lastIndex + 1)
      throw new RangeError(`a block at ${block.first} cannot follow index ${this.lastIndex}`)
    for (let offset = 0; offset < block.count; offset++) this.#terms.push(block.term)
    if (block.membership === undefined) return
    if (this.#memberships.length === 1 && block.first <= this.membership.index) return
    this.#memberships.push({ index: block.first, membership: block.membership })
  }
}
