/** The gauges and counters that the status of a node holds. */
import type { NodeStatus } from '../contracts/node-service.ts'
import { quorumValue } from '../core/membership/quorum.ts'
import type { PeerStatus, Role } from '../core/status.ts'
import { METRICS, type MetricDefinition } from './definitions.ts'

/** One value of a gauge or a counter, without the labels `cluster` and `node`. */
export interface Sample {
  readonly metric: MetricDefinition
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const ROLES: readonly Role[] = ['follower', 'pre-candidate', 'candidate', 'leader']
const PEER_STATES: readonly PeerStatus['state'][] = ['probe', 'replicate', 'snapshot']

export function statusSamples(status: NodeStatus): Sample[] {
  const { membership, id, fetching, timing, sessions } = status
  const others = membership.members.filter((member) => member.id !== id)
  return [
    of(METRICS.buildInfo, 1, {
      ...{ version: status.version, storage: status.storage ?? '', peer_transport: status.peerTransport ?? '' },
    }),
    of(METRICS.hasLeader, status.leader !== undefined),
    ...ROLES.map((role) => of(METRICS.role, status.role === role, { role })),
    of(METRICS.isLearner, membership.learners.includes(id)),
    of(METRICS.term, status.term),
    of(METRICS.firstIndex, status.firstIndex),
    of(METRICS.lastIndex, status.lastIndex),
    of(METRICS.commitIndex, status.commitIndex),
    of(METRICS.appliedIndex, status.appliedIndex),
    of(METRICS.logBytes, status.logBytes),
    of(METRICS.proposalsInflight, status.pendingProposals),
    ...optional(
      METRICS.certificateExpires,
      status.certificateExpiresAt && Math.floor(status.certificateExpiresAt / 1000),
    ),
    ...optional(METRICS.diskFree, status.freeBytes),
    of(METRICS.snapshotIndex, status.snapshotIndex),
    ...optional(METRICS.fetchProgress, fetching && fetching.size > 0 ? fetching.bytes / fetching.size : undefined),
    of(METRICS.voters, membership.voters.length),
    of(METRICS.learners, membership.learners.length),
    of(METRICS.changeInProgress, !status.isMembershipCommitted || membership.outgoing.length > 0),
    ...optional(METRICS.sessions, sessions?.count),
    ...optional(METRICS.sessionRepeats, sessions?.repeated),
    ...optional(METRICS.sessionsExpired, sessions?.timedOut, { reason: 'timeout' }),
    ...optional(METRICS.sessionsExpired, sessions?.evicted, { reason: 'limit' }),
    of(METRICS.loopDelay, status.loopDelayMs / 1000),
    ...optional(METRICS.electionTimeout, timing && timing.electionTimeoutMinMs / 1000),
    ...optional(METRICS.heartbeatInterval, timing && timing.heartbeatIntervalMs / 1000),
    ...others.map((peer) => of(METRICS.peerConnected, status.connected.includes(peer.id), { peer: peer.id })),
    ...status.alarms.map(({ code, peer = '' }) => of(METRICS.alarm, 1, { code, peer })),
    ...(status.queues ?? []).flatMap(({ limit, peer = '', used, max }) => [
      of(METRICS.queueUsed, used, { limit, peer }),
      of(METRICS.queueMax, max, { limit, peer }),
    ]),
    ...(status.role === 'leader' ? leaderSamples(status) : []),
  ]
}

function leaderSamples(status: NodeStatus): Sample[] {
  const { membership, id, peers, lastIndex } = status
  const byId = new Map(peers.map((peer) => [peer.id, peer]))
  const silentMs = (voter: string): number => (voter === id ? 0 : (byId.get(voter)?.silentMs ?? Infinity))
  const contactMs = -quorumValue(membership, (voter) => -silentMs(voter))
  return [
    ...optional(METRICS.quorumContact, Number.isFinite(contactMs) ? Math.max(0, contactMs) / 1000 : undefined),
    of(METRICS.failureTolerance, failureTolerance(status)),
    ...peers.flatMap((peer) => peerSamples(peer, lastIndex)),
  ]
}

/** Both halves of a joint membership need a majority. */
function failureTolerance({ id, membership, peers }: NodeStatus): number {
  const following = new Set([id, ...peers.filter((peer) => peer.isReplicating).map((peer) => peer.id)])
  const halves = membership.outgoing.length > 0 ? [membership.voters, membership.outgoing] : [membership.voters]
  const spare = halves.map((half) => half.filter((voter) => following.has(voter)).length - (half.length >> 1) - 1)
  return Math.max(0, Math.min(...spare))
}

function peerSamples(peer: PeerStatus, lastIndex: number): Sample[] {
  const labels = { peer: peer.id }
  return [
    of(METRICS.peerLag, Math.max(0, lastIndex - peer.matchIndex), labels),
    of(METRICS.peerApplyLag, peer.applyLag, labels),
    ...PEER_STATES.map((state) => of(METRICS.peerState, peer.state === state, { ...labels, state })),
    ...optional(METRICS.peerContact, peer.silentMs && peer.silentMs / 1000, labels),
    of(METRICS.peerRtt, peer.responseMs / 1000, labels),
    of(METRICS.peerMessages, peer.inflightMessages, labels),
    of(METRICS.peerBytes, peer.inflightBytes, labels),
  ]
}

function of(metric: MetricDefinition, value: number | boolean, labels: Sample['labels'] = {}): Sample {
  return { metric, value: Number(value), labels }
}

function optional(metric: MetricDefinition, value: number | undefined, labels: Sample['labels'] = {}): Sample[] {
  return value === undefined ? [] : [of(metric, value, labels)]
}
