/** What the network calls: each call becomes an input of the core, an event, or both; nothing of it waits. */
import type { NodeEvent } from '../../contracts/observer.ts'
import type { PeerIdentity, TransportHost } from '../../contracts/transport.ts'
import type { RaftError } from '../../errors.ts'
import type { Driver } from '../pipeline/driver.ts'
import type { PeerAdmission } from './peer-admission.ts'

export interface TransportHostParts {
  readonly identity: PeerIdentity
  readonly admission: PeerAdmission
  readonly driver: Pick<Driver, 'post' | 'receive'>
  readonly emit: (event: NodeEvent) => void
  readonly readSnapshot: TransportHost['readSnapshot']
  readonly fail: (error: RaftError) => void
}

export function transportHost({
  identity,
  admission: gate,
  driver,
  emit: event,
  readSnapshot,
  fail,
}: TransportHostParts): TransportHost {
  return {
    identity,
    readSnapshot,
    admit: (peer) => {
      const refusal = gate.admit(peer)
      if (refusal !== undefined) event({ type: 'peerRefused', peer: peer.nodeId, ...refusal })
      return refusal
    },
    receive: (from, message) => driver.receive(from, message),
    peerConnected: (peer) => {
      event({ type: 'peerConnected', peer })
      driver.post({ type: 'peerSeen', peer, directoryId: gate.onConnected(peer) })
    },
    peerLost: (peer, reason) => {
      gate.onLost(peer)
      event({ type: 'peerLost', peer, reason })
      driver.post({ type: 'peerLost', peer })
    },
    refusedBy: (peer, refusal) => {
      event({ type: 'refusedBy', peer, ...refusal })
      const fatal = gate.refusedBy(peer, refusal)
      if (fatal !== undefined) fail(fatal)
    },
  }
}
