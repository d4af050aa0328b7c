/** Election Safety (Figure 3). */
import type { NodeId, Term } from '../../core/types.ts'
import type { Property } from './property.ts'

export const electionSafety: Property = {
  id: 'I1',
  name: 'election safety',
  statement: 'At most one node is leader in any term.',
  observes: ['stepped'],
  watch() {
    const leaders = new Map<Term, NodeId>()
    return (observation) => {
      if (observation.type !== 'stepped' || observation.status.role !== 'leader') return undefined
      const { node, status } = observation
      const leader = leaders.get(status.term)
      if (leader === undefined) leaders.set(status.term, node)
      else if (leader !== node) return `${leader} and ${node} were both leader of term ${status.term}.`
      return undefined
    }
  },
}
