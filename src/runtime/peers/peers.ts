/** The peers of a node: who they are, which of them may connect, and the connections to them. */
import type { Clock } from '../../contracts/clock.ts'
import type { PeerIdentity, Transport } from '../../contracts/transport.ts'
import type { Membership, NodeId, Term } from '../../core/types.ts'
import { MembershipView } from './membership-view.ts'
import { PeerAdmission } from './peer-admission.ts'
import { PeerConnections } from './peer-connections.ts'

export interface PeersParts {
  readonly identity: PeerIdentity
  readonly term: Term
  readonly membership: Membership
  /** Addresses from the options, for nodes that are not in the membership. */
  readonly addresses: Readonly<Record<NodeId, string>>
  readonly transport: Pick<Transport, 'setPeers'>
  readonly clock: Clock
  readonly removedPeerGraceMs: number
}

export class Peers {
  readonly view: MembershipView
  readonly admission: PeerAdmission
  readonly connections: PeerConnections

  constructor({ identity, term, membership, addresses, transport, clock, removedPeerGraceMs }: PeersParts) {
    this.view = new MembershipView(identity.nodeId, term, membership, addresses)
    this.admission = new PeerAdmission(identity, this.view)
    this.connections = new PeerConnections({ membershipView: this.view, transport, clock, removedPeerGraceMs })
  }
}
