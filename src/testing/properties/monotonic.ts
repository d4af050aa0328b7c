/** What only ever grows: terms for good, and the pointers of a log within one life. */
import type { RaftStatus } from '../../core/status.ts'
import type { LogIndex, Membership, NodeId, Term } from '../../core/types.ts'
import type { Property } from './property.ts'

export const monotonic: Property = {
  id: 'I7',
  name: 'monotonic',
  promise:
    'Terms never fall, restarts included; commit and applied index never fall within a life, nor within an office what a leader knows a follower to have; snapshot <= applied <= commit <= last, but while a snapshot is installed.',
  watch(view) {
    const terms = new Map<NodeId, Term>()
    const installing = new Map<NodeId, LogIndex>()
    return (observation) => {
      if (observation.type === 'wiped') terms.delete(observation.node)
      if (observation.type === 'durable') {
        const { hardState } = observation.write
        const term = terms.get(observation.node) ?? 0
        if (hardState === undefined) return undefined
        if (hardState.term < term)
          return `the term on the disk of ${observation.node} fell from ${term} to ${hardState.term}.`
        terms.set(observation.node, hardState.term)
        return undefined
      }
      if (observation.type === 'started') {
        const term = terms.get(observation.node) ?? 0
        if (observation.hardState.term < term)
          return `${observation.node} came back with term ${observation.hardState.term}, after ${term} was on its disk.`
        return undefined
      }
      if (observation.type !== 'stepped') return undefined
      const { node, status, effects } = observation
      const { before } = view.node(node)
      if (before !== undefined) {
        for (const field of ['term', 'commitIndex', 'appliedIndex', 'snapshotIndex', 'firstIndex'] as const)
          if (status[field] < before[field])
            return `the ${field} of ${node} fell from ${before[field]} to ${status[field]}.`
        const forgotten = matchIndexRegression(before, status)
        if (forgotten !== undefined) return forgotten
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

/** A follower matches at least as far as it did, as long as its membership session lasts. */
function matchIndexRegression(
  before: RaftStatus,
  { id: leader, role, term, membership, peers }: RaftStatus,
): string | undefined {
  if (role !== 'leader' || before.role !== 'leader' || before.term !== term) return undefined
  for (const { id, matchIndex } of peers) {
    const earlier = before.peers.find((peer) => peer.id === id)
    if (earlier === undefined || matchIndex >= earlier.matchIndex) continue
    if (sessionOf(before.membership, id) !== sessionOf(membership, id)) continue
    return `what ${leader} knew ${id} to have fell from ${earlier.matchIndex} to ${matchIndex} in term ${term}.`
  }
  return undefined
}

function sessionOf({ members }: Membership, id: NodeId): LogIndex | undefined {
  return members.find((member) => member.id === id)?.addedAt
}
