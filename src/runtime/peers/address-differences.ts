/** Compares the addresses in the options with those of the membership, at start: an address that is given is never ignored without a word. */
import type { RuntimeEvent } from '../../contracts/observer.ts'
import type { Membership, NodeId } from '../../core/types.ts'

type AddressDiffers = Extract<RuntimeEvent, { type: 'addressDiffers' }>

export interface GivenAddresses {
  readonly id: NodeId
  /** The option `peers`. */
  readonly peers: Readonly<Record<NodeId, string>>
  /** The address that this node tells its peers. */
  readonly ownAddress: string
}

/** One event per difference. A node without a membership has none: it uses what it is given. */
export function addressDifferences(
  { members }: Pick<Membership, 'members'>,
  { id, peers, ownAddress }: GivenAddresses,
): AddressDiffers[] {
  if (members.length === 0) return []
  const given = { ...peers, ...(members.some((member) => member.id === id) ? { [id]: ownAddress } : {}) }
  return Object.entries(given).flatMap(([peer, address]) => {
    const recorded = members.find((member) => member.id === peer)?.address
    if (recorded === address) return []
    return [{ type: 'addressDiffers', peer, recorded, given: address, consequence: consequenceOf(peer, id, recorded) }]
  })
}

function consequenceOf(peer: NodeId, ownId: NodeId, recorded: string | undefined): string {
  if (recorded === undefined) return `ignored: ${peer} is not a member`
  if (peer === ownId)
    return 'this node tells its peers the given address; the membership follows once they reach it there'
  return `${peer} is tried at both; the membership follows once it is reached at the given address and names that itself`
}
