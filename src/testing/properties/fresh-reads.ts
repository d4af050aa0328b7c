/** Reads of local state that ask for some freshness: `atLeast` and `maxStalenessMs`. */
import type { LogIndex } from '../../core/types.ts'
import type { Property } from './property.ts'

export const freshReads: Property = {
  id: 'I16',
  name: 'fresh reads',
  statement:
    'A local read with a lowest index or a greatest age is answered from a state that has that index, and every write that was acknowledged that long before.',
  observes: ['invoked', 'returned'],
  watch() {
    const lowest = new Map<number, LogIndex>()
    return (observation) => {
      if (observation.type === 'invoked' && observation.atLeast !== undefined)
        lowest.set(observation.call, observation.atLeast)
      if (observation.type !== 'returned' || observation.outcome !== 'applied') return undefined
      const { call, index, acknowledged = 0 } = observation
      const atLeast = lowest.get(call) ?? 0
      lowest.delete(call)
      if (index < atLeast) return `read ${call} was answered at index ${index}, but asked for index ${atLeast}.`
      if (index < acknowledged)
        return `read ${call} was answered at index ${index}, but the write at index ${acknowledged} had been acknowledged longer ago than it allows.`
      return undefined
    }
  },
}
