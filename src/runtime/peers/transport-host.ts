/** What the transport calls: turns each call into an input of the core, an event, or both. None of them waits. */
import type { NodeEvent } from '../../contracts/observer.ts'
import type { PeerIdentity, PeerMessage, TransportHost } from '../../contracts/transport.ts'
import { FORWARDING_PROTOCOL, SOURCES_PROTOCOL } from '../../contracts/transport.ts'
import type { NodeId } from '../../core/types.ts'
import type { RaftError } from '../../errors.ts'
import { encodedSize } from '../../log-format/block.ts'
import type { AlarmFacts, Alarms } from '../health/alarms.ts'
import type { LeaderPreference } from '../leading/leader-preference.ts'
import type { Driver } from '../pipeline/driver.ts'
import type { PeerAddresses, PeerPlace } from './peer-addresses.ts'
import type { PeerAdmission } from './peer-admission.ts'
import type { PeerConnections } from './peer-connections.ts'
import type { RefusalAlarms } from './refusal-alarms.ts'
import type { UnknownPeers } from './unknown-peers.ts'

export interface TransportHostParts {
  readonly identity: PeerIdentity
  readonly limits: BlockLimits
  readonly admission: PeerAdmission
  readonly addresses: PeerAddresses
  readonly alarms: Pick<Alarms, 'raise' | 'clear'>
  readonly connections: Pick<PeerConnections, 'updateSoon'>
  readonly driver: Pick<Driver, 'post' | 'receive'>
  readonly refusals: RefusalAlarms
  readonly unknownPeers: Pick<UnknownPeers, 'onConnected'>
  readonly preference: Pick<LeaderPreference, 'onConnected'>
  readonly emit: (event: NodeEvent) => void
  readonly readSnapshot: TransportHost['readSnapshot']
  readonly fail: (error: RaftError) => void
}

export function transportHost({
  identity,
  limits,
  admission,
  addresses,
  alarms,
  connections,
  driver,
  refusals,
  unknownPeers,
  preference,
  emit,
  readSnapshot,
  fail,
}: TransportHostParts): TransportHost {
  const postPlace = (peer: NodeId, place: PeerPlace): boolean => {
    const isNews = addresses.isNews(peer, place)
    if (isNews) driver.post({ type: 'peerPlace', peer, ...place })
    return isNews
  }
  return {
    identity,
    readSnapshot,
    admit: (peer) => {
      const refusal = admission.admit(peer)
      if (refusal !== undefined) {
        emit({ type: 'peerRefused', peer: peer.nodeId, ...refusal })
        if (admission.keepsOut(peer.nodeId, refusal)) refusals.onDirectoryRefused(peer.nodeId, refusal)
      } else {
        if (addresses.onGreeted(peer)) connections.updateSoon()
        postPlace(identity.nodeId, addresses.ownPlace)
      }
      return refusal
    },
    peerReached: (peer, address) => {
      const isNews = postPlace(peer, addresses.onReached(peer, address))
      if (address !== undefined) alarms.clear(OUT_OF_REACH, peer)
      // The first report only says that no attempt has ended.
      else if (!isNews && admission.connected.includes(peer)) alarms.raise(outOfReach(peer, addresses.addressOf(peer)))
    },
    condition: (code, facts) => {
      if (facts === undefined) alarms.clear(code)
      else alarms.raise({ code, ...facts })
    },
    receive: (from, message) => {
      const detail = tooLarge(message, limits)
      if (detail === undefined) driver.receive(from, message)
      else emit({ type: 'protocolViolation', from, detail })
    },
    peerConnected: (peer) => {
      emit({ type: 'peerConnected', peer })
      refusals.onConnected(peer)
      const { directoryId = '', boot, metadata, protocol = 0, machineVersion = 1 } = admission.onConnected(peer) ?? {}
      unknownPeers.onConnected(peer)
      preference.onConnected(peer)
      const known = { directoryId, boot: boot && { number: boot.number, id: boot.id }, metadata }
      const takesProposals = protocol >= FORWARDING_PROTOCOL
      const sharesSnapshots = protocol >= SOURCES_PROTOCOL && machineVersion === (identity.machineVersion ?? 1)
      driver.post({ type: 'peerSeen', peer, ...known, takesProposals, sharesSnapshots })
    },
    peerLost: (peer, reason) => {
      admission.onLost(peer)
      addresses.onLost(peer)
      alarms.clear(OUT_OF_REACH, peer)
      postPlace(identity.nodeId, addresses.ownPlace)
      emit({ type: 'peerLost', peer, reason })
      driver.post({ type: 'peerLost', peer })
    },
    refusedBy: (peer, refusal) => {
      emit({ type: 'refusedBy', peer, ...refusal })
      const fatal = admission.refusedBy(peer, refusal)
      if (fatal !== undefined) fail(fatal)
      else if (TRUST_CODES.has(refusal.code) || !admission.connected.includes(peer)) refusals.onRefused(peer, refusal)
    },
  }
}

/** The largest blocks of this node. */
type BlockLimits = Readonly<Record<'blockEntriesMax' | 'blockBytesMax', number>>

/** A leader that appended a larger block might not be able to send it to its followers. The limits of the nodes may differ for a while. */
function tooLarge(message: PeerMessage, { blockEntriesMax, blockBytesMax }: BlockLimits): string | undefined {
  const bytesMax = 2 * encodedSize(blockEntriesMax, blockBytesMax)
  if (message.type !== 'ProposeRequest' || message.size <= bytesMax) return undefined
  return `it has forwarded commands of ${message.size} bytes; at most ${bytesMax} are accepted`
}

/**
 * The two nodes do not agree on how they connect, or do not trust each other, even if the peer has a connection to this node. Other refusals beside
 * a connection come from an address where the peer is no longer.
 */
const TRUST_CODES: ReadonlySet<string> = new Set([
  'ERR_RAFT_PROTOCOL',
  'ERR_RAFT_UNAUTHENTICATED',
  'ERR_RAFT_UNAUTHORIZED',
])

const OUT_OF_REACH = 'PEER_OUT_OF_REACH'

function outOfReach(peer: NodeId, address = 'no address'): AlarmFacts {
  return {
    code: OUT_OF_REACH,
    peer,
    message:
      `${peer} is connected, but does not answer at ${address}: clients and other nodes may not reach it, and a learner is not made a ` +
      `voter. Correct its --advertise, or its address: quorate member update ${peer} HOST:PORT`,
    details: { address },
  }
}
