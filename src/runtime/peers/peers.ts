/** The peers of a node: who they are, which of them may connect, and the connections to them. */
import type { Clock } from '../../contracts/clock.ts'
import type { NodeEvent } from '../../contracts/observer.ts'
import type { PeerIdentity, Transport } from '../../contracts/transport.ts'
import type { RaftEvent } from '../../core/events.ts'
import type { Membership, NodeId, Term } from '../../core/types.ts'
import type { LeaderHint, RaftError } from '../../errors.ts'
import { addressDifferences } from './address-differences.ts'
import { MembershipView } from './membership-view.ts'
import { PeerAddresses } from './peer-addresses.ts'
import { PeerAdmission } from './peer-admission.ts'
import { PeerConnections } from './peer-connections.ts'

export interface PeersParts {
  readonly identity: PeerIdentity
  /** The cluster that this one was recovered from. */
  readonly replacedClusterId?: string | undefined
  readonly term: Term
  readonly membership: Membership
  /** Addresses from the options, for nodes that are not in the membership. */
  readonly addresses: Readonly<Record<NodeId, string>>
  readonly transport: Pick<Transport, 'setPeers' | 'address'>
  readonly clock: Clock
  /** The machine version in force on this node. */
  readonly machineVersion: () => number
  readonly removedPeerGraceMs: number
}

export class Peers {
  readonly #parts: PeersParts
  readonly view: MembershipView
  readonly addresses: PeerAddresses
  readonly admission: PeerAdmission
  readonly connections: PeerConnections

  constructor(parts: PeersParts) {
    const { identity, term, membership, addresses, transport, clock, removedPeerGraceMs } = parts
    this.#parts = parts
    this.view = new MembershipView(identity.nodeId, term, membership, addresses)
    this.admission = new PeerAdmission(identity, this.view, parts.machineVersion, parts.replacedClusterId)
    this.addresses = new PeerAddresses(identity.nodeId, this.view, addresses, () => transport.address)
    const known = { membershipView: this.view, addresses: this.addresses }
    this.connections = new PeerConnections({ ...known, transport, clock, removedPeerGraceMs })
  }

  /** Emits an event for each address in the options that contradicts the membership. */
  reportDifferences(emit: (event: NodeEvent) => void): void {
    const { identity, addresses: peers, transport } = this.#parts
    const given = { id: identity.nodeId, peers, ownAddress: transport.address }
    for (const event of addressDifferences({ members: this.view.members }, given)) emit(event)
  }

  /** What the host of the transport needs. */
  get forHost(): Pick<Peers, 'admission' | 'addresses' | 'connections'> {
    const { admission, addresses, connections } = this
    return { admission, addresses, connections }
  }

  /** Returns whether `update` must be called, after the other events of the step. */
  onEvent(event: RaftEvent): boolean {
    if (event.type === 'acknowledgementLost') {
      // Nothing of the peer may count from now on: the link to it ends, and it is refused when it connects again.
      this.admission.onEntriesLost(event.peer, `entries (of those up to ${event.acknowledged})`)
      this.connections.reconnect([event.peer])
    }
    return this.view.update(event)
  }

  /** Connects to the members of a changed membership. Returns the error that this node must stop with if the membership contradicts its own identity. */
  update(): RaftError | undefined {
    const { connections, admission } = this
    connections.update()
    if (admission.ownContradiction === undefined) connections.reconnect(admission.refusable)
    return admission.ownContradiction
  }

  leaderHint(id: NodeId | undefined): LeaderHint | undefined {
    return this.view.leaderHint(id, id === undefined ? undefined : this.addresses.addressOf(id))
  }
}
