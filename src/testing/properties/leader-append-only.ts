/** Leader Append-Only (Figure 3). */
import type { Property } from './property.ts'

export const leaderAppendOnly: Property = {
  id: 'I4',
  name: 'leader append-only',
  statement: 'A leader never overwrites or deletes entries in its log; it only appends.',
  observes: ['stepped'],
  watch(view) {
    return (observation) => {
      if (observation.type !== 'stepped') return undefined
      const { before } = view.node(observation.node)
      const { status, effects } = observation
      if (before?.role !== 'leader' || status.role !== 'leader' || before.term !== status.term) return undefined
      const { persist } = effects
      if (persist?.truncateAfter !== undefined)
        return `${observation.node}, leader of term ${status.term}, truncated its log after ${persist.truncateAfter}.`
      if (persist?.snapshot?.resetLog === true)
        return `${observation.node}, leader of term ${status.term}, replaced its log with a snapshot.`
      if (status.lastIndex < before.lastIndex)
        return `the log of ${observation.node}, leader of term ${status.term}, became shorter.`
      return undefined
    }
  },
}
