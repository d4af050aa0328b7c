/** Where members are found, as far as the caller reports it: whether they can be reached, and at another address than that of record. */
import type { Instant, NodeId } from '../types.ts'

interface Place {
  readonly isReached: boolean
  readonly address: string | undefined
  /** Since when the address is the same. */
  readonly since: Instant
}

export class Places {
  readonly #places = new Map<NodeId, Place>()

  set(id: NodeId, isReached: boolean, address: string | undefined, now: Instant): void {
    const known = this.#places.get(id)
    const since = known !== undefined && known.address === address ? known.since : now
    this.#places.set(id, { isReached, address, since })
  }

  /** Forgets the nodes for which `isKept` does not hold. */
  retain(isKept: (id: NodeId) => boolean): void {
    for (const id of this.#places.keys()) if (!isKept(id)) this.#places.delete(id)
  }

  /** Whether the node is known to be out of reach. Of a transport that does not report it, no node is. */
  isOutOfReach(id: NodeId): boolean {
    return this.#places.get(id)?.isReached === false
  }

  /** The node's address, if it has been the same since `instant`. */
  addressSince(id: NodeId, instant: Instant): string | undefined {
    const place = this.#places.get(id)
    return place !== undefined && place.since <= instant ? place.address : undefined
  }
}
