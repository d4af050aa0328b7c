/** What a quorum is, said once more and without the core: the judges must not share its mistakes. */
import type { LogIndex, Membership, NodeId } from '../../core/types.ts'
import type { ClusterView } from './cluster-view.ts'
import type { ReferenceLog } from './reference-log.ts'

/** Whether these nodes are a majority of the voters; of a joint membership, of both halves. Learners never count. */
export function isQuorum(membership: Membership, nodes: ReadonlySet<NodeId>): boolean {
  const { voters, outgoing } = membership
  return isMajority(voters, nodes) && (outgoing.length === 0 || isMajority(outgoing, nodes))
}

/**
 * Whether the rest is a majority without these nodes: by every membership that may be in force, which is the last one
 * committed and every later one on some disk, and also once the learners in it are voters.
 */
export function hasQuorumWithout(view: ClusterView, unavailable: ReadonlySet<NodeId>): boolean {
  const logs = [...view.nodes.values()].flatMap(({ disk, log }) => [disk, log])
  const all = logs.flatMap(({ memberships }) => memberships)
  const committed = Math.max(0, ...logs.map((log) => lastCommitted(view, log)))
  const inForce = all.filter(({ index, membership: { voters } }) => index >= committed && voters.length > 0)
  // Of a cluster that nobody has begun yet nothing is known, so nobody may be missed.
  if (inForce.length === 0) return false
  return inForce.every(({ membership: { voters, outgoing, learners } }) => {
    return [voters, outgoing, [...voters, ...learners]].every(
      (half) => half.length === 0 || isMajority(half, new Set(half.filter((id) => !unavailable.has(id)))),
    )
  })
}

/** The index of the last membership in a log that is committed; an entry of another term at its index is not. */
function lastCommitted({ committedLog }: ClusterView, log: ReferenceLog): LogIndex {
  const isCommitted = (index: LogIndex): boolean =>
    index <= log.baseIndex || (index <= committedLog.lastIndex && log.termAt(index) === committedLog.termAt(index))
  return log.memberships.findLast(({ index }) => isCommitted(index))?.index ?? 0
}

/** Whether nobody could take a new disk of this node for its old one: every disk knows the old one, for good. */
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

function isMajority(voters: readonly NodeId[], nodes: ReadonlySet<NodeId>): boolean {
  let count = 0
  for (const voter of voters) if (nodes.has(voter)) count++
  return 2 * count > voters.length
}
