/** State Machine Safety (Figure 3), checked on the logs: a committed entry never changes. */
import type { Property } from './property.ts'

export const committedImmutable: Property = {
  id: 'I8',
  name: 'committed is immutable',
  statement: 'Once an entry is committed at an index, no node commits a different entry there or deletes it.',
  observes: ['durable', 'stepped'],
  watch(view) {
    return (observation) => {
      if (observation.type === 'durable') {
        const { droppedIndex } = view.node(observation.node)
        if (droppedIndex === undefined) return undefined
        return `${observation.node} deleted the committed entry at ${droppedIndex} from its disk.`
      }
      if (observation.type !== 'stepped') return undefined
      if (view.committedLog.conflict !== undefined) return view.committedLog.conflict
      const { node, effects } = observation
      const { before } = view.node(node)
      const truncateAfter = effects.persist?.truncateAfter
      if (before !== undefined && truncateAfter !== undefined && truncateAfter < before.commitIndex)
        return `${node} truncated its log after ${truncateAfter}, below its commit index ${before.commitIndex}.`
      return undefined
    }
  },
}
