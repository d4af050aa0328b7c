/** §5.3: an entry is committed once it is on a majority of disks. */
import type { Property } from './property.ts'
import { isQuorum } from './quorum.ts'

export const committedOnQuorum: Property = {
  id: 'I9',
  name: 'committed on a quorum',
  promise: 'When a leader commits an entry, it is durable on a quorum of the membership in force, and of the own term.',
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
        [...view.nodes.values()].filter((other) => other.hasEverPersisted(index, term)).map(({ id }) => id),
      )
      // A step may commit by the membership it found and then append the next one, or the other way round.
      const { membership } = log.membership
      if (isQuorum(membership, holders) || isQuorum(membershipBefore, holders)) return undefined
      const { voters, outgoing } = membership
      const members = outgoing.length === 0 ? `${voters}` : `${voters} and ${outgoing}`
      return `${node} committed index ${index} of term ${term}, durable only on [${[...holders]}] of the voters ${members}.`
    }
  },
}
