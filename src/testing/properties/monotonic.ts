/** Values that never decrease: the term over all restarts, and log indexes while a node runs. */
import type { RaftStatus } from '../../core/status.ts'
import type { LogIndex, Membership, NodeId, Term } from '../../core/types.ts'
import { idOf } from './processes.ts'
import type { Property } from './property.ts'

export const monotonic: Property = {
  id: 'I7',
  name: 'monotonic',
  statement:
    'A term never decreases, even across restarts. While a node runs, its commit and applied index never decrease, nor do match indexes while it leads. snapshot <= applied <= commit <= last, except while a snapshot is installed.',
  observes: ['durable', 'rolledBack', 'started', 'stepped', 'wiped'],
  watch(view) {
    const terms = new Map<NodeId, Term>()
    const rolledBack = new Set<NodeId>()
    const installing = new Map<NodeId, LogIndex>()
    return (observation) => {
      if (observation.type === 'wiped') terms.delete(observation.node)
      if (observation.type === 'rolledBack') {
        terms.set(observation.node, observation.hardState.term)
        rolledBack.add(idOf(observation.node))
      }
      if (observation.type === 'durable') {
        const { hardState } = observation.write
        const term = terms.get(observation.node) ?? 0
        if (hardState === undefined) return undefined
        if (hardState.term < term)
          return `the term on the disk of ${observation.node} decreased from ${term} to ${hardState.term}.`
        terms.set(observation.node, hardState.term)
        return undefined
      }
      if (observation.type === 'started') {
        const term = terms.get(observation.node) ?? 0
        if (observation.hardState.term < term)
          return `${observation.node} restarted with term ${observation.hardState.term}, but its disk had ${term}.`
        return undefined
      }
      if (observation.type !== 'stepped') return undefined
      const { node, status, effects } = observation
      const { before } = view.node(node)
      if (before !== undefined) {
        for (const field of ['term', 'commitIndex', 'appliedIndex', 'snapshotIndex', 'firstIndex'] as const)
          if (status[field] < before[field])
            return `the ${field} of ${node} decreased from ${before[field]} to ${status[field]}.`
        const regression = matchIndexRegression(before, status, rolledBack)
        if (regression !== undefined) return regression
      }
      const { snapshotIndex, appliedIndex, commitIndex, lastIndex } = status
      if (effects.install !== undefined) installing.set(node, effects.install.index)
      if (appliedIndex >= (installing.get(node) ?? 0)) installing.delete(node)
      const isBehind = snapshotIndex > appliedIndex && !installing.has(node)
      if (isBehind || appliedIndex > commitIndex || commitIndex > lastIndex)
        return `on ${node} snapshot ${snapshotIndex}, applied ${appliedIndex}, commit ${commitIndex}, last ${lastIndex} are out of order.`
      return undefined
    }
  },
}

/** A match index never decreases while the leader leads and the follower stays a member, unless the follower's disk went back. */
function matchIndexRegression(
  before: RaftStatus,
  { id: leader, role, term, membership, peers }: RaftStatus,
  rolledBack: ReadonlySet<NodeId>,
): string | undefined {
  if (role !== 'leader' || before.role !== 'leader' || before.term !== term) return undefined
  for (const { id, matchIndex } of peers) {
    const earlier = before.peers.find((peer) => peer.id === id)
    if (earlier === undefined || matchIndex >= earlier.matchIndex || rolledBack.has(id)) continue
    if (sessionOf(before.membership, id) !== sessionOf(membership, id)) continue
    return `the match index of ${id} on ${leader} decreased from ${earlier.matchIndex} to ${matchIndex} in term ${term}.`
  }
  return undefined
}

function sessionOf({ members }: Membership, id: NodeId): LogIndex | undefined {
  return members.find((member) => member.id === id)?.addedAt
}
