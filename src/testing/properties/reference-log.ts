/** A model of a log for the property checks: the term at every index, and the memberships. It is independent of the core's log. */
import type { LogIndex, Membership, SnapshotInfo, Term } from '../../core/types.ts'
import type { DurableWrite } from './observation.ts'

type Block = DurableWrite['blocks'][number]

export interface MembershipEntry {
  readonly index: LogIndex
  readonly membership: Membership
}

export class ReferenceLog {
  /** The index before the first entry. Its term is known if it is the index of a snapshot. */
  #base: LogIndex = 0
  #baseTerm: Term | undefined = 0
  #terms: Term[] = []
  /** Oldest first. The first one is the membership before all others in the log. */
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

  /** The term of the entry at an index; undefined if unknown. */
  termAt(index: LogIndex): Term | undefined {
    return index === this.#base ? this.#baseTerm : this.#terms[index - this.#base - 1]
  }

  /** The latest membership in the log. */
  get membership(): MembershipEntry {
    return this.#memberships[this.#memberships.length - 1] as MembershipEntry
  }

  /** The membership that applies at an index; undefined below the first known one. */
  membershipAt(index: LogIndex): Membership | undefined {
    return this.#memberships.findLast((entry) => entry.index <= index)?.membership
  }

  /** All known memberships, oldest first. */
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

  /** Throws a RangeError if the block does not directly follow the log. */
  append(block: Block): void {
    if (block.first !== this.lastIndex + 1)
      throw new RangeError(`a block at ${block.first} cannot follow index ${this.lastIndex}`)
    for (let offset = 0; offset < block.count; offset++) this.#terms.push(block.term)
    if (block.membership === undefined) return
    const entry = { index: block.first, membership: block.membership }
    // A block behind the snapshot is an earlier change than the one the snapshot stands for, or that one itself.
    if (block.first <= this.membership.index) this.#memberships = [entry]
    else this.#memberships.push(entry)
  }
}
