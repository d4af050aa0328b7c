/** The commit rule (§5.3, §5.4.2): a leader commits an entry of its own term once a majority has it on disk. */
import { idOf } from './processes.ts'
import type { Property } from './property.ts'
import { isQuorum } from './quorum.ts'

export const committedOnQuorum: Property = {
  id: 'I9',
  name: 'committed on a quorum',
  statement:
    "When a leader commits an entry, the entry is of the leader's term and is durable on a quorum of the current membership.",
  observes: ['stepped'],
  watch(view) {
    return (observation) => {
      if (observation.type !== 'stepped' || observation.status.role !== 'leader') return undefined
      const { node, status } = observation
      const { before, log, membershipBefore } = view.node(node)
      const index = status.commitIndex
      if (before?.role !== 'leader' || before.term !== status.term || index === before.commitIndex) return undefined
      const term = log.termAt(index)
      if (term !== status.term)
        return `${node}, leader of term ${status.term}, committed index ${index}, whose entry is of term ${term}.`
      const holders = new Set(
        [...view.nodes.values()].filter((other) => other.hasEverPersisted(index, term)).map(({ id }) => idOf(id)),
      )
      // A step may commit with the old membership and then append a new one, or the other way round.
      const { membership } = log.membership
      if (isQuorum(membership, holders) || isQuorum(membershipBefore, holders)) return undefined
      const { voters, outgoing } = membership
      const members = outgoing.length === 0 ? `${voters}` : `${voters} and ${outgoing}`
      return `${node} committed index ${index} of term ${term}, which is durable only on [${[...holders]}]; the voters are ${members}.`
    }
  },
}
