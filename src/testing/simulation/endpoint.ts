/** A node's endpoint in the simulated network: its address, the peers it connects to, and the handshake of two endpoints. */
import type { PeerIdentity, Refusal, TransportHost } from '../../contracts/transport.ts'
import type { NodeId } from '../../core/types.ts'
import type { NodeClock } from './virtual-clock.ts'

export interface Endpoint {
  readonly host: TransportHost
  readonly clock: NodeClock
  /** The address at which this node expects each peer. */
  peers: ReadonlyMap<NodeId, string>
}

/** An endpoint with the id that the other endpoint expects. */
export type NamedEndpoint = readonly [id: NodeId, endpoint: Endpoint]

export function addressOf(id: NodeId): string {
  return `sim:${id}`
}

/** Whether the address that this node has for a peer belongs to another node; if so, the host is notified. */
export function reachesWrongNode(endpoint: Endpoint, peer: NodeId, ids: readonly NodeId[]): boolean {
  const address = endpoint.peers.get(peer)
  const found = ids.find((id) => addressOf(id) === address)
  if (found === undefined || found === peer) return false
  const message = `${address} is ${found}, not ${peer}`
  endpoint.host.refusedBy(peer, { code: 'ERR_RAFT_NODE_MISMATCH', message })
  return true
}

/** Exchanges identities; a rejected endpoint gets the reason. Returns whether both sides accepted. */
export function handshake([a, one]: NamedEndpoint, [b, other]: NamedEndpoint): boolean {
  const refusals = [admit(one, other.host.identity, b), admit(other, one.host.identity, a)]
  if (refusals[0] !== undefined) other.host.refusedBy(a, refusals[0])
  if (refusals[1] !== undefined) one.host.refusedBy(b, refusals[1])
  return refusals.every((refusal) => refusal === undefined)
}

function admit(endpoint: Endpoint, identity: PeerIdentity, as: NodeId): Refusal | undefined {
  if (identity.nodeId !== as)
    return { code: 'ERR_RAFT_NODE_MISMATCH', message: `the node at the address of ${as} is ${identity.nodeId}` }
  return endpoint.host.admit(identity)
}
