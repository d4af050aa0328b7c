/** The memberships of a log: the one it starts with and every later one in it, so that truncation can go back any number of steps. */
import { assert } from '../assert.ts'
import type { LogIndex, Membership, NodeId } from '../types.ts'
import { isMember } from './membership.ts'

export interface MembershipAt {
  readonly index: LogIndex
  readonly membership: Membership
}

export class MembershipHistory {
  /** Invariant: never empty, indexes strictly rising. The first is committed (bootstrap or snapshot). */
  #entries: MembershipAt[]

  constructor(base: MembershipAt) {
    this.#entries = [base]
  }

  /** In force: a membership counts from the moment it is appended (§6). */
  get current(): MembershipAt {
    return this.#entries[this.#entries.length - 1] as MembershipAt
  }

  /** In force at a log index. */
  at(index: LogIndex): MembershipAt {
    let offset = this.#entries.length - 1
    while (offset > 0 && (this.#entries[offset] as MembershipAt).index > index) offset--
    return this.#entries[offset] as MembershipAt
  }

  /** Whether a node was named once, and is not any more, neither in the membership at `commitIndex` nor in a later one. */
  wasRemoved(id: NodeId, commitIndex: LogIndex): boolean {
    const committed = this.#entries.indexOf(this.at(commitIndex))
    const isNamed = ({ membership }: MembershipAt): boolean => isMember(membership, id)
    return this.#entries.slice(0, committed).some(isNamed) && !this.#entries.slice(committed).some(isNamed)
  }

  append(index: LogIndex, membership: Membership): void {
    assert(index > this.current.index, 'memberships are appended in order')
    this.#entries.push({ index, membership })
  }

  /** Whether anything was reverted. */
  truncateAfter(index: LogIndex): boolean {
    const before = this.#entries.length
    while (this.#entries.length > 1 && this.current.index > index) this.#entries.pop()
    return this.#entries.length < before
  }

  /** Forgets what no truncation can go back to. */
  compactTo(index: LogIndex): void {
    const base = this.#entries.indexOf(this.at(index))
    this.#entries.splice(0, base)
  }

  reset(base: MembershipAt): void {
    this.#entries = [base]
  }
}
