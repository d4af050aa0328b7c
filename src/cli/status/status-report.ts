/** Combines the statuses of all nodes into one report of the cluster. */

import type {
  Alarm,
  MachineVersions,
  NodeStatus,
  NodeTiming,
  ProtocolVersions,
  QueueStatus,
  SessionStatus,
  SnapshotFetch,
} from '../../contracts/node-service.ts'
import type { PortProtection } from '../../contracts/transport.ts'
import type { PeerStatus } from '../../core/status.ts'
import type { MemberMetadata, Membership, NodeId } from '../../core/types.ts'
import { clusterView, spareVotes } from './cluster-view.ts'

/** The status of one address, or why there is none. */
export type StatusAnswer =
  | { readonly address: string; readonly status: NodeStatus }
  | { readonly address: string; readonly problem: string }

export interface NodeRow {
  readonly id: NodeId
  /** The address at which the leader, or any node, finds it. */
  readonly address: string
  /** The address in the membership; undefined for a node that is not a member. */
  readonly recordedAddress: string | undefined
  /** What it says of itself, as recorded in the membership. */
  readonly metadata: MemberMetadata
  readonly isReachable: boolean
  /** Why it is unreachable, if it is. */
  readonly problem: string | undefined
  readonly kind: 'voter' | 'learner' | 'not a member'
  /** A learner that becomes a voter once it has caught up. */
  readonly isPromoting: boolean
  /** It is no member any longer: its data directory cannot be used again. */
  readonly wasRemoved: boolean
  readonly role: NodeStatus['role'] | undefined
  readonly term: number | undefined
  readonly lastIndex: number | undefined
  readonly commitIndex: number | undefined
  readonly appliedIndex: number | undefined
  readonly snapshotIndex: number | undefined
  /** Entries behind the leader's last index; undefined without a leader, and for the leader itself. */
  readonly lag: number | undefined
  /** Committed entries that it has not applied. If it is unreachable: as of its last response to the leader. */
  readonly applyLag: number | undefined
  /** Milliseconds since the leader last received a message from it. */
  readonly silentMs: number | undefined
  /** Whether it stores what the leader appends, as the leader knows; undefined without the leader's answer, and for the leader itself. */
  readonly isReplicating: boolean | undefined
  /** How the leader sends it the log; undefined without the leader's answer, and for the leader itself. */
  readonly peerState: PeerStatus['state'] | undefined
  /** The leader or the membership says that it has lost entries that it acknowledged. */
  readonly hasLostEntries: boolean
  /** The longest recent time from a heartbeat of the leader to its response, in milliseconds. */
  readonly responseMs: number | undefined
  /** The snapshot that it is fetching. */
  readonly fetching: SnapshotFetch | undefined
  /** The peers to which it has an open connection. */
  readonly connected: readonly NodeId[] | undefined
  readonly loopDelayMs: number | undefined
  /** Its timeouts, and its slowest recent durable write; undefined for an earlier release. */
  readonly timing: NodeTiming | undefined
  /** Its bounded queues and tables; empty for an earlier release. */
  readonly queues: readonly QueueStatus[]
  /** The entries that it applied per second, over the last 5 to 10 s; undefined for an earlier release. */
  readonly appliedPerSecond: number | undefined
  /** Its table of client sessions; undefined for an earlier release. */
  readonly sessions: SessionStatus | undefined
  readonly freeBytes: number | undefined
  readonly version: string | undefined
  /** What keeps its log. */
  readonly storage: string | undefined
  /** How it connects to its peers. */
  readonly peerTransport: string | undefined
  /** What keeps strangers out of its port; undefined if it does not tell. */
  readonly protection: PortProtection | undefined
  /** When its certificate expires, as an ISO 8601 time; undefined if it has none or does not tell. */
  readonly certificateExpires: string | undefined
  /** The versions of the protocol between nodes that it supports and uses; undefined for an earlier release. */
  readonly protocol: ProtocolVersions | undefined
  /** The versions of the state machine; undefined for an earlier release. */
  readonly machine: MachineVersions | undefined
  /** Why the node has stopped, such as a failed disk. */
  readonly stopped: string | undefined
  readonly alarms: readonly Alarm[]
}

export interface StatusReport {
  readonly schema: 'quorate.status/v1'
  readonly cluster: string
  /** The term of the leader. Without one, the newest term that a majority of the answers has reached. */
  readonly term: number
  /** The node that a quorum of voters follows. */
  readonly leader: NodeId | undefined
  readonly commitIndex: number
  readonly voters: number
  /** The voters that store what the leader appends, as the leader knows. Without a leader, the voters that answer. */
  readonly votersUp: number
  readonly toleratesFailures: number
  readonly hasQuorum: boolean
  readonly isMembershipChanging: boolean
  /** The index of the entry with the membership. */
  readonly membershipIndex: number
  readonly nodes: readonly NodeRow[]
  /** Whom each node that answered names as the leader of its term. */
  readonly views: readonly LeaderView[]
}

export interface LeaderView {
  readonly id: NodeId
  readonly term: number
  readonly leader: NodeId | undefined
}

/** `answers` must contain at least one status. */
export function buildStatusReport(allAnswers: readonly StatusAnswer[]): StatusReport {
  const answers = ofOneCluster(allAnswers)
  const statuses = answers.flatMap((answer) => ('status' in answer ? [answer.status] : []))
  const { leader, term, source, up } = clusterView(statuses)
  const { membership } = source
  const spare = spareVotes(membership, up)
  const voters = votersOf(membership)
  return {
    schema: 'quorate.status/v1',
    cluster: source.clusterId,
    term,
    leader,
    commitIndex: Math.max(...statuses.filter((status) => status.term <= term).map((status) => status.commitIndex)),
    voters: voters.length,
    votersUp: voters.filter((id) => up.has(id)).length,
    toleratesFailures: Math.max(0, spare),
    hasQuorum: spare >= 0,
    isMembershipChanging: membership.outgoing.length > 0 || !source.isMembershipCommitted,
    membershipIndex: source.membershipIndex,
    nodes: rowsOf(answers, statuses, membership, leader),
    views: statuses.map((status) => ({ id: status.id, term: status.term, leader: status.leader })),
  }
}

/** A node of another cluster than most, at the address of a member, is not that member. */
function ofOneCluster(answers: readonly StatusAnswer[]): StatusAnswer[] {
  const counts = new Map<string, number>()
  for (const answer of answers)
    if ('status' in answer) counts.set(answer.status.clusterId, (counts.get(answer.status.clusterId) ?? 0) + 1)
  const [cluster] = [...counts].reduce((best, each) => (each[1] > best[1] ? each : best))
  return answers.map((answer) =>
    'status' in answer && answer.status.clusterId !== cluster
      ? { address: answer.address, problem: `cluster ${answer.status.clusterId}` }
      : answer,
  )
}

function votersOf(membership: Membership): NodeId[] {
  return [...new Set([...membership.voters, ...membership.outgoing])]
}

function rowsOf(
  answers: readonly StatusAnswer[],
  statuses: readonly NodeStatus[],
  membership: Membership,
  leader: NodeId | undefined,
): NodeRow[] {
  const byId = new Map(statuses.map((status) => [status.id, status]))
  const leaderStatus = leader === undefined ? undefined : byId.get(leader)
  // The leader's view comes last, and wins.
  const views = leaderStatus === undefined ? statuses : [...statuses, leaderStatus]
  const found = new Map(views.flatMap(({ moved }) => moved.map(({ id, address }) => [id, address] as const)))
  const nonMembers = [...byId.keys()].filter((id) => membership.members.every((member) => member.id !== id))
  const ids = [...membership.members.map((member) => member.id), ...nonMembers].sort(byName)
  return ids.map((id) => {
    const status = byId.get(id)
    const member = membership.members.find((each) => each.id === id)
    const recordedAddress = member?.address
    const address = found.get(id) ?? recordedAddress ?? status?.address ?? ''
    const peer = leaderStatus?.peers.find((each) => each.id === id)
    const answer = answers.find((each) => each.address === address || each.address === recordedAddress)
    return {
      id,
      address,
      recordedAddress,
      metadata: member?.metadata ?? {},
      isReachable: status !== undefined,
      problem: status === undefined ? problemOf(answer) : undefined,
      kind: kindOf(membership, id),
      isPromoting: member?.promote === true && membership.learners.includes(id),
      wasRemoved: member === undefined && status !== undefined && hasBeenMember(status),
      role: status?.role,
      term: status?.term,
      lastIndex: status?.lastIndex,
      commitIndex: status?.commitIndex,
      appliedIndex: status?.appliedIndex,
      snapshotIndex: status?.snapshotIndex,
      applyLag: status === undefined ? peer?.applyLag : status.commitIndex - status.appliedIndex,
      lag: lagOf(id, leaderStatus, status?.lastIndex ?? peer?.matchIndex),
      silentMs: peer?.silentMs === undefined ? undefined : Math.round(peer.silentMs),
      isReplicating: peer?.isReplicating,
      peerState: peer?.state,
      responseMs: peer?.silentMs === undefined ? undefined : Math.round(peer.responseMs),
      fetching: status?.fetching,
      hasLostEntries: peer?.hasLostEntries === true || member?.hasLostEntries === true,
      connected: status?.connected,
      loopDelayMs: status?.loopDelayMs,
      timing: status?.timing,
      queues: status?.queues ?? [],
      appliedPerSecond: status?.appliedPerSecond,
      sessions: status?.sessions,
      freeBytes: status?.freeBytes,
      version: status?.version,
      storage: status?.storage,
      peerTransport: status?.peerTransport,
      protection: status?.protection,
      certificateExpires: isoTime(status?.certificateExpiresAt),
      protocol: status?.protocol,
      machine: status?.machine,
      stopped: status?.stopped,
      alarms: status?.alarms ?? [],
    }
  })
}

function isoTime(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString()
}

function problemOf(answer: StatusAnswer | undefined): string {
  return answer !== undefined && 'problem' in answer ? answer.problem : 'unreachable'
}

function kindOf(membership: Membership, id: NodeId): NodeRow['kind'] {
  if (votersOf(membership).includes(id)) return 'voter'
  return membership.learners.includes(id) ? 'learner' : 'not a member'
}

function lagOf(id: NodeId, leaderStatus: NodeStatus | undefined, lastIndex: number | undefined): number | undefined {
  if (leaderStatus === undefined || leaderStatus.id === id || lastIndex === undefined) return undefined
  return Math.max(0, leaderStatus.lastIndex - lastIndex)
}

/** It may not know of its removal yet. */
function hasBeenMember({ id, isRemoved, membership }: NodeStatus): boolean {
  return isRemoved || membership.members.some((member) => member.id === id)
}

/** Numeric order: n2 before n10. */
function byName(left: NodeId, right: NodeId): number {
  return left.localeCompare(right, 'en', { numeric: true })
}
