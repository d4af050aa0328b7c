/** Leader Completeness (Figure 3). */
import type { NodeId, Term } from '../../core/types.ts'
import type { ClusterView } from './cluster-view.ts'
import type { Property } from './property.ts'

export const leaderCompleteness: Property = {
  id: 'I6',
  name: 'leader completeness',
  statement: 'An entry committed in a term is in the log of the leader of every later term.',
  observes: ['stepped'],
  watch(view) {
    let checkedUpTo = 0
    return (observation) => {
      if (observation.type !== 'stepped') return undefined
      const { node, status } = observation
      const { before } = view.node(node)
      if (status.role === 'leader' && (before?.role !== 'leader' || before.term !== status.term)) {
        const missing = findMissingEntry(view, node, status.term)
        if (missing !== undefined) return missing
      }
      if (view.committedLog.lastIndex === checkedUpTo) return undefined
      checkedUpTo = view.committedLog.lastIndex
      for (const other of view.nodes.values()) {
        if (!other.isUp || other.status?.role !== 'leader' || other.id === node) continue
        const missing = findMissingEntry(view, other.id, other.status.term)
        if (missing !== undefined) return missing
      }
      return undefined
    }
  },
}

/** Checks only the last committed entry: by Log Matching, a log that has it has all entries before it. */
function findMissingEntry(view: ClusterView, leader: NodeId, term: Term): string | undefined {
  const { log } = view.node(leader)
  const index = view.committedLog.lastIndexBefore(term)
  const committed = view.committedLog.termAt(index)
  if (index < log.baseIndex || committed === undefined || log.termAt(index) === committed) return undefined
  return `${leader}, leader of term ${term}, lacks the entry committed at index ${index} (term ${committed}).`
}
