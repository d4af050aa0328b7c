/** Quorums, implemented independently of the core, so that the checks do not share its bugs. */
import type { LogIndex, Membership, NodeId } from '../../core/types.ts'
import type { ClusterView } from './cluster-view.ts'
import type { ReferenceLog } from './reference-log.ts'

/** Whether these nodes include a majority of the voters; for a joint membership, of both halves. Learners do not count. */
export function isQuorum(membership: Membership, nodes: ReadonlySet<NodeId>): boolean {
  const { voters, outgoing } = membership
  return isMajority(voters, nodes) && (outgoing.length === 0 || isMajority(outgoing, nodes))
}

/**
 * Whether the other nodes are a quorum without these. Considers every membership that may be current (the last committed one and all
 * later ones on any disk), both as it is and with its learners promoted.
 */
export function hasQuorumWithout(view: ClusterView, unavailable: ReadonlySet<NodeId>): boolean {
  const logs = [...view.nodes.values()].flatMap(({ disk, log }) => [disk, log])
  const all = logs.flatMap(({ memberships }) => memberships)
  const committed = Math.max(0, ...logs.map((log) => lastCommitted(view, log)))
  const candidates = all.filter(({ index, membership: { voters } }) => index >= committed && voters.length > 0)
  // Before the cluster is bootstrapped no membership is known, so every node counts as needed.
  if (candidates.length === 0) return false
  return candidates.every(({ membership: { voters, outgoing, learners } }) => {
    return [voters, outgoing, [...voters, ...learners]].every(
      (half) => half.length === 0 || isMajority(half, new Set(half.filter((id) => !unavailable.has(id)))),
    )
  })
}

/** The index of the last committed membership in a log. An entry with another term than the committed one does not count. */
function lastCommitted({ committedLog }: ClusterView, log: ReferenceLog): LogIndex {
  const isCommitted = (index: LogIndex): boolean =>
    index <= log.baseIndex || (index <= committedLog.lastIndex && log.termAt(index) === committedLog.termAt(index))
  return log.memberships.findLast(({ index }) => isCommitted(index))?.index ?? 0
}

/** Whether every disk has the directory id of this node in a committed membership, so that a new disk cannot pass for the old one. */
export function isDirectoryIdRecorded(view: ClusterView, id: NodeId): boolean {
  const disks = [...view.nodes.values()]
    .map(({ disk }) => disk)
    .filter(({ membership }) => membership.membership.voters.length > 0)
  return disks.every((disk) => {
    const { index, membership } = disk.membership
    const member = membership.members.find((one) => one.id === id)
    return index === lastCommitted(view, disk) && member !== undefined && member.directoryId !== ''
  })
}

/** Whether every other disk that has a membership, or whose node is a member, has this boot of the directory or a later one in a committed one. */
export function isBootRecorded(view: ClusterView, id: NodeId, number: number): boolean {
  const others = [...view.nodes.values()].filter((node) => node.id !== id)
  const members = new Set(others.flatMap(({ disk }) => disk.membership.membership.members.map((member) => member.id)))
  const disks = others
    .filter((node) => members.has(node.id) || node.disk.membership.membership.members.length > 0)
    .map(({ disk }) => disk)
  return disks.every((disk) => {
    const { index, membership } = disk.membership
    const boot = membership.members.find((member) => member.id === id)?.boot
    return index === lastCommitted(view, disk) && boot !== undefined && boot.number >= number
  })
}

function isMajority(voters: readonly NodeId[], nodes: ReadonlySet<NodeId>): boolean {
  let count = 0
  for (const voter of voters) if (nodes.has(voter)) count++
  return 2 * count > voters.length
}
