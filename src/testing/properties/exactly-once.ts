/** A command of a client session takes effect once (thesis §6.3). */
import type { LogIndex, NodeId } from '../../core/types.ts'
import type { Property } from './property.ts'

export const exactlyOnce: Property = {
  id: 'I15',
  name: 'exactly once',
  statement:
    'A write takes effect at one index, the same on every node, however often it is sent in its session, and every answer names that index.',
  observes: ['applied'],
  watch() {
    const applied = new Map<string, { readonly node: NodeId; readonly index: LogIndex }>()
    return (observation) => {
      if (observation.type !== 'applied') return undefined
      const { node, index, command } = observation
      const other = applied.get(command)
      if (other === undefined) applied.set(command, { node, index })
      else if (other.index !== index)
        return `${node} applied ${command} at index ${index}, and ${other.node} at index ${other.index}.`
      return undefined
    }
  },
}
