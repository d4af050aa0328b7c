/** All memberships of the log, starting with that of the bootstrap or snapshot, so that truncation can revert any number of them. */
import { assert } from '../assert.ts'
import type { LogIndex, Membership, NodeId } from '../types.ts'
import { isMember } from './membership.ts'

export interface MembershipAt {
  readonly index: LogIndex
  readonly membership: Membership
}

export class MembershipHistory {
  /** Invariant: not empty, indexes strictly increase. The first is committed (bootstrap or snapshot). */
  #entries: MembershipAt[]

  constructor(base: MembershipAt) {
    this.#entries = [base]
  }

  /** The membership in force: the last one appended, committed or not (§6). */
  get current(): MembershipAt {
    return this.#entries[this.#entries.length - 1] as MembershipAt
  }

  /** The membership in force at `index`. */
  at(index: LogIndex): MembershipAt {
    let offset = this.#entries.length - 1
    while (offset > 0 && (this.#entries[offset] as MembershipAt).index > index) offset--
    return this.#entries[offset] as MembershipAt
  }

  /** Whether a node was a member before `commitIndex`, and is one neither there nor in any later membership. */
  wasRemoved(id: NodeId, commitIndex: LogIndex): boolean {
    const committed = this.#entries.indexOf(this.at(commitIndex))
    const isNamed = ({ membership }: MembershipAt): boolean => isMember(membership, id)
    return this.#entries.slice(0, committed).some(isNamed) && !this.#entries.slice(committed).some(isNamed)
  }

  append(index: LogIndex, membership: Membership): void {
    assert(index > this.current.index, 'memberships are appended in order')
    this.#entries.push({ index, membership })
  }

  /** Returns whether any membership was reverted. */
  truncateAfter(index: LogIndex): boolean {
    const before = this.#entries.length
    while (this.#entries.length > 1 && this.current.index > index) this.#entries.pop()
    return this.#entries.length < before
  }

  /** Forgets memberships before the one in force at `index`. */
  compactTo(index: LogIndex): void {
    const base = this.#entries.indexOf(this.at(index))
    this.#entries.splice(0, base)
  }

  reset(base: MembershipAt): void {
    this.#entries = [base]
  }
}
