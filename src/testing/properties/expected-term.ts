/** Conditional proposals: a write with `expectTerm` is fenced off by every later leadership. */
import type { Term } from '../../core/types.ts'
import type { Property } from './property.ts'

export const expectedTerm: Property = {
  id: 'I23',
  name: 'expected term',
  statement: 'A write that expects a term is applied from an entry of that term, or not at all.',
  observes: ['applied', 'invoked'],
  watch() {
    const expected = new Map<string, Term>()
    return (observation) => {
      if (observation.type === 'invoked' && observation.expectTerm !== undefined)
        expected.set(observation.command, observation.expectTerm)
      if (observation.type !== 'applied') return undefined
      const { node, index, term, command } = observation
      const wanted = expected.get(command)
      if (wanted === undefined || wanted === term) return undefined
      return `${node} applied ${command} from the entry of term ${term} at index ${index}, and it expects term ${wanted}.`
    }
  },
}
