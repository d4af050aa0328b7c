/** What this node knows about the cluster from its core's events: the membership in force, the addresses and the leader. */
import type { RaftEvent } from '../../core/events.ts'
import { isMember, memberOf } from '../../core/membership/membership.ts'
import type { Member, Membership, NodeId, Term } from '../../core/types.ts'
import type { LeaderHint } from '../../errors.ts'

export class MembershipView {
  readonly #id: NodeId
  /** Addresses from the options; used only for nodes that the membership does not contain. */
  readonly #configuredAddresses: Readonly<Record<NodeId, string>>
  #membership: Membership
  /** Members removed by recent changes: they stay connected for a while, to learn of their removal. */
  #recentlyRemoved: readonly Member[] = []
  /** Members that have reported this node as removed since it last had a leader. */
  readonly #removalReporters = new Set<NodeId>()
  #leader: { readonly id: NodeId | undefined; readonly term: Term } = { id: undefined, term: 0 }
  #term: Term

  constructor(id: NodeId, term: Term, membership: Membership, configuredAddresses: Readonly<Record<NodeId, string>>) {
    this.#id = id
    this.#term = term
    this.#configuredAddresses = configuredAddresses
    this.#membership = membership
  }

  get term(): Term {
    return this.#term
  }

  get members(): readonly Member[] {
    return this.#membership.members
  }

  member(id: NodeId): Member | undefined {
    return memberOf(this.#membership, id)
  }

  /** Returns whether the connections must be updated. */
  update(event: RaftEvent): boolean {
    if (event.type === 'termChanged') this.#term = event.term
    if (event.type === 'leaderChanged') {
      this.#leader = { id: event.leader, term: event.term }
      if (event.leader !== undefined) this.#removalReporters.clear()
    }
    if (event.type === 'toldRemoved' && isMember(this.#membership, event.by)) this.#removalReporters.add(event.by)
    if (event.type !== 'membershipAdopted' && event.type !== 'membershipReverted') return false
    const { members } = this.#membership
    const removed = [...this.#recentlyRemoved, ...members].filter(({ id }) => !isMember(event.membership, id))
    this.#recentlyRemoved = removed.filter(
      ({ id }, offset) => removed.findLastIndex((other) => other.id === id) === offset,
    )
    this.#membership = event.membership
    return true
  }

  /** True if a majority of the known voters has reported this node as removed. A single one may be outdated. */
  get isReportedRemoved(): boolean {
    const { voters } = this.#membership
    return voters.filter((id) => this.#removalReporters.has(id)).length > voters.length / 2
  }

  get hasRecentlyRemoved(): boolean {
    return this.#recentlyRemoved.length > 0
  }

  isRecentlyRemoved(id: NodeId): boolean {
    return this.#recentlyRemoved.some((removed) => removed.id === id)
  }

  forgetRemoved(): void {
    this.#recentlyRemoved = []
  }

  /** The nodes to connect to. A node that is not a member yet uses the addresses from its options. */
  peerAddresses(): ReadonlyMap<NodeId, string> {
    const peers = new Map<NodeId, string>()
    if (!isMember(this.#membership, this.#id))
      for (const [id, address] of Object.entries(this.#configuredAddresses)) peers.set(id, address)
    for (const { id, address } of [...this.#recentlyRemoved, ...this.#membership.members]) peers.set(id, address)
    peers.delete(this.#id)
    return peers
  }

  leaderHint(id: NodeId | undefined, address: string | undefined): LeaderHint | undefined {
    if (id === undefined) return undefined
    const term = this.#leader.id === id ? this.#leader.term : undefined
    const metadata = this.member(id)?.metadata
    return { id, address, term, ...(metadata === undefined ? undefined : { metadata }) }
  }

  /** The address of record, or the configured one of a node that is no member. */
  addressOf(id: NodeId): string | undefined {
    return (
      this.member(id)?.address ??
      (Object.hasOwn(this.#configuredAddresses, id) ? this.#configuredAddresses[id] : undefined)
    )
  }
}
