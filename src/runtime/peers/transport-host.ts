/** What the transport calls: turns each call into an input of the core, an event, or both. None of them waits. */
import type { NodeEvent } from '../../contracts/observer.ts'
import type { PeerIdentity, TransportHost } from '../../contracts/transport.ts'
import type { RaftError } from '../../errors.ts'
import type { Driver } from '../pipeline/driver.ts'
import type { PeerAddresses } from './peer-addresses.ts'
import type { PeerAdmission } from './peer-admission.ts'
import type { PeerConnections } from './peer-connections.ts'

export interface TransportHostParts {
  readonly identity: PeerIdentity
  readonly admission: PeerAdmission
  readonly addresses: PeerAddresses
  readonly connections: Pick<PeerConnections, 'updateSoon'>
  readonly driver: Pick<Driver, 'post' | 'receive'>
  readonly emit: (event: NodeEvent) => void
  readonly readSnapshot: TransportHost['readSnapshot']
  readonly fail: (error: RaftError) => void
}

export function transportHost({
  identity,
  admission,
  addresses,
  connections,
  driver,
  emit,
  readSnapshot,
  fail,
}: TransportHostParts): TransportHost {
  return {
    identity,
    readSnapshot,
    admit: (peer) => {
      const refusal = admission.admit(peer)
      if (refusal !== undefined) emit({ type: 'peerRefused', peer: peer.nodeId, ...refusal })
      else if (addresses.onGreeted(peer)) connections.updateSoon()
      return refusal
    },
    peerReached: (peer, address) => {
      addresses.onReached(peer, address)
      if (address === undefined && admission.connected.includes(peer)) emit({ type: 'peerOutOfReach', peer })
    },
    receive: (from, message) => driver.receive(from, message),
    peerConnected: (peer) => {
      emit({ type: 'peerConnected', peer })
      const { directoryId = '', boot } = admission.onConnected(peer) ?? {}
      driver.post({ type: 'peerSeen', peer, directoryId, boot: boot && { number: boot.number, id: boot.id } })
    },
    peerLost: (peer, reason) => {
      admission.onLost(peer)
      addresses.onLost(peer)
      emit({ type: 'peerLost', peer, reason })
      driver.post({ type: 'peerLost', peer })
    },
    refusedBy: (peer, refusal) => {
      emit({ type: 'refusedBy', peer, ...refusal })
      const fatal = admission.refusedBy(peer, refusal)
      if (fatal !== undefined) fail(fatal)
    },
  }
}
