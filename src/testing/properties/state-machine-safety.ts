/** Figure 3, State Machine Safety, seen from the machines themselves. */
import type { LogIndex, NodeId, Term } from '../../core/types.ts'
import type { Property } from './property.ts'

interface Entry {
  readonly node: NodeId
  readonly term: Term
  readonly command: string
}

export const stateMachineSafety: Property = {
  id: 'I5',
  name: 'state machine safety',
  promise:
    'All machines are given the same command at an index, and each machine its commands in order, once in a life.',
  watch() {
    const entries = new Map<LogIndex, Entry>()
    const applied = new Map<NodeId, LogIndex>()
    return (observation) => {
      if (observation.type === 'started') applied.set(observation.node, 0)
      if (observation.type === 'restored') applied.set(observation.node, observation.index)
      if (observation.type !== 'applied') return undefined
      const { node, index, term, command } = observation
      const last = applied.get(node) ?? 0
      if (index <= last) return `${node} was given index ${index} after ${last}.`
      for (let between = last + 1; between < index; between++)
        if (entries.has(between))
          return `${node} was given index ${index} after ${last}, without the command at ${between}.`
      applied.set(node, index)
      const other = entries.get(index)
      if (other === undefined) entries.set(index, { node, term, command })
      else if (other.term !== term || other.command !== command)
        return `at index ${index} ${other.node} was given ${other.command} of term ${other.term}, and ${node} ${command} of term ${term}.`
      return undefined
    }
  },
}
