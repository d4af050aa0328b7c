/** Where the members are: the addresses of record, and the ones at which members greet, are reached or were configured. */
import type { PeerIdentity } from '../../contracts/transport.ts'
import type { NodeId } from '../../core/types.ts'
import type { MembershipView } from './membership-view.ts'

/** A member that is not where the membership says. */
export interface MovedMember {
  readonly id: NodeId
  /** The address at which this node reaches it, or at which it says that it is reached. */
  readonly address: string
}

/** What is known of the address of a peer, or of this node: see the input `peerPlace` of the core. */
export interface PeerPlace {
  readonly isReached: boolean
  /** The address that should be its address of record; undefined if there is no reason to change that. */
  readonly address: string | undefined
}

/** What the core assumes of a peer without a report. */
const UNKNOWN: PeerPlace = { isReached: true, address: undefined }

/** The most peers whose address is remembered; the one that greeted longest ago is forgotten first. */
const GREETINGS_MAX = 256

export class PeerAddresses {
  readonly #id: NodeId
  readonly #view: MembershipView
  readonly #configured: Readonly<Record<NodeId, string>>
  readonly #ownAddress: () => string
  /** By peer: where it says that it is reached. */
  readonly #greeted = new Map<NodeId, string>()
  /** By peer: where this node has reached it. */
  readonly #reached = new Map<NodeId, string>()
  /** By connected peer: where that peer has reached this node. */
  readonly #reachedBy = new Map<NodeId, string>()

  /** By peer: what was reported to the core. */
  readonly #reported = new Map<NodeId, PeerPlace>()

  constructor(
    id: NodeId,
    view: MembershipView,
    configured: Readonly<Record<NodeId, string>>,
    ownAddress: () => string,
  ) {
    this.#id = id
    this.#view = view
    this.#configured = configured
    this.#ownAddress = ownAddress
  }

  /** An admitted peer says where it is, and where it has reached this node. Returns whether there is a new address to try. */
  onGreeted({ nodeId, address = '', reachedAt }: PeerIdentity): boolean {
    if (reachedAt !== undefined) this.#reachedBy.set(nodeId, reachedAt)
    const before = this.#greeted.get(nodeId) ?? this.#recordOf(nodeId) ?? ''
    this.#greeted.delete(nodeId)
    if (address !== '') this.#greeted.set(nodeId, address)
    for (const [oldest] of this.#greeted) {
      if (this.#greeted.size <= GREETINGS_MAX) break
      this.#greeted.delete(oldest)
      this.#reachedBy.delete(oldest)
    }
    return address !== '' && address !== before && this.#view.peerAddresses().has(nodeId)
  }

  /** This node has reached a peer at an address, or at none. */
  onReached(peer: NodeId, address: string | undefined): PeerPlace {
    if (address === undefined) {
      this.#reached.delete(peer)
      return { isReached: false, address: undefined }
    }
    this.#reached.set(peer, address)
    return {
      isReached: true,
      address: this.#greeted.get(peer) === address ? this.#recordable(peer, address) : undefined,
    }
  }

  /** Whether this differs from what was reported of the peer before. */
  isNews(peer: NodeId, place: PeerPlace): boolean {
    const known = this.#reported.get(peer) ?? UNKNOWN
    if (known.isReached === place.isReached && known.address === place.address) return false
    if (this.#reported.size >= GREETINGS_MAX) this.#reported.clear()
    this.#reported.set(peer, place)
    return true
  }

  onLost(peer: NodeId): void {
    this.#reachedBy.delete(peer)
  }

  /** Peers confirm where this node is: at its own address if one of them has reached it there, and none at its address of record. */
  get ownPlace(): PeerPlace {
    const address = this.#ownAddress()
    const places = [...this.#reachedBy.values()]
    const isElsewhere = places.includes(address) && !places.includes(this.#recordOf(this.#id) ?? '')
    return { isReached: true, address: isElsewhere ? this.#recordable(this.#id, address) : undefined }
  }

  /** Addresses to try for each peer that does not answer at its address of record. */
  alternatives(peers: ReadonlyMap<NodeId, string>): ReadonlyMap<NodeId, readonly string[]> {
    const own = this.#recordOf(this.#id)
    const places = [...this.#reachedBy.values()]
    // Members that exchange their addresses find each other at each other's address of record.
    const isMoved = own !== undefined && own !== this.#ownAddress() && !places.includes(own)
    const alternatives = new Map<NodeId, readonly string[]>()
    for (const [peer, record] of peers) {
      const others = [this.#usableGreeting(peer), this.#configuredFor(peer), isMoved ? own : undefined]
      const further = others.filter((address) => address !== undefined && address !== record)
      if (further.length > 0) alternatives.set(peer, [...new Set(further as string[])])
    }
    return alternatives
  }

  /** The address at which to call a node: the one that works, otherwise the address of record. */
  addressOf(id: NodeId): string | undefined {
    const record = this.#view.addressOf(id)
    if (id === this.#id) return this.ownPlace.address ?? record
    return this.#reached.get(id) ?? this.#usableGreeting(id) ?? record
  }

  /** Where a connected node says that it is. */
  greetingOf(id: NodeId): string | undefined {
    return this.#greeted.get(id)
  }

  /** The members that are not at their address of record. */
  get moved(): readonly MovedMember[] {
    return this.#view.members.flatMap(({ id, address: record }) => {
      const address = this.addressOf(id)
      return address === undefined || address === record ? [] : [{ id, address }]
    })
  }

  #configuredFor(id: NodeId): string | undefined {
    return Object.hasOwn(this.#configured, id) ? this.#configured[id] : undefined
  }

  #recordOf(id: NodeId): string | undefined {
    return this.#view.member(id)?.address
  }

  #usableGreeting(peer: NodeId): string | undefined {
    const address = this.#greeted.get(peer)
    return address === undefined ? undefined : this.#recordable(peer, address)
  }

  /** Excludes addresses that mean another machine to another node. */
  #recordable(id: NodeId, address: string): string | undefined {
    const record = this.#view.addressOf(id)
    if (address === '' || isWildcard(address) || (isLoopback(address) && record !== undefined && !isLoopback(record)))
      return undefined
    return address
  }
}

function isWildcard(address: string): boolean {
  return /^(0\.0\.0\.0|\[[0:]+\]|\*):\d+$/.test(address) || /:0$/.test(address)
}

function isLoopback(address: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\]):\d+$/.test(address)
}
