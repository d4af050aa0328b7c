/** A node's end of the false network: where it is reached, whom it looks for, and how two of them make each other's acquaintance. */
import type { PeerIdentity, Refusal, TransportHost } from '../../contracts/transport.ts'
import type { NodeId } from '../../core/types.ts'
import type { NodeClock } from './virtual-clock.ts'

export interface Endpoint {
  readonly host: TransportHost
  readonly clock: NodeClock
  /** Where it looks for each of them. */
  peers: ReadonlyMap<NodeId, string>
}

/** An endpoint under the name by which the other one knows it. */
export type NamedEndpoint = readonly [id: NodeId, endpoint: Endpoint]

/** Where a node is reached. */
export function addressOf(id: NodeId): string {
  return `sim:${id}`
}

/** Who looks for a peer where somebody else is, is told so. */
export function reachesWrongNode(endpoint: Endpoint, peer: NodeId, ids: readonly NodeId[]): boolean {
  const address = endpoint.peers.get(peer)
  const found = ids.find((id) => addressOf(id) === address)
  if (found === undefined || found === peer) return false
  const message = `${address} is ${found}, not ${peer}`
  endpoint.host.refusedBy(peer, { code: 'ERR_RAFT_NODE_MISMATCH', message })
  return true
}

/** Each shows the other its identity; who is turned away is told why. Whether both were let in. */
export function handshake([a, one]: NamedEndpoint, [b, other]: NamedEndpoint): boolean {
  const refusals = [admit(one, other.host.identity, b), admit(other, one.host.identity, a)]
  if (refusals[0] !== undefined) other.host.refusedBy(a, refusals[0])
  if (refusals[1] !== undefined) one.host.refusedBy(b, refusals[1])
  return refusals.every((refusal) => refusal === undefined)
}

function admit(endpoint: Endpoint, identity: PeerIdentity, as: NodeId): Refusal | undefined {
  if (identity.nodeId !== as)
    return { code: 'ERR_RAFT_NODE_MISMATCH', message: `${as} calls itself ${identity.nodeId}` }
  return endpoint.host.admit(identity)
}
