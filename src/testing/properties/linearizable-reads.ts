/** Linearizable reads (thesis §6.4), checked exactly and without a search: a read sees everything committed before it was requested. */
import type { LogIndex } from '../../core/types.ts'
import type { Property } from './property.ts'

export const linearizableReads: Property = {
  id: 'I14',
  name: 'linearizable reads',
  statement:
    'A read is answered from a state that has every entry committed on any node before the read was requested.',
  observes: ['invoked', 'returned', 'stepped'],
  watch(view) {
    const committedAtRequest = new Map<string, LogIndex>()
    let committed: LogIndex = 0
    return (observation) => {
      if (observation.type === 'invoked' && observation.what === 'read')
        committedAtRequest.set(`client ${observation.call}`, committed)
      if (observation.type === 'returned' && observation.outcome === 'applied')
        return checkRead(committedAtRequest, `client ${observation.call}`, observation.index)
      if (observation.type !== 'stepped') return undefined
      const { node, inputs, effects } = observation
      const startCount = view.node(node).startCount
      for (const input of inputs)
        if (input.type === 'read') committedAtRequest.set(`${node}.${startCount} ${input.read}`, committed)
      committed = view.committedLog.lastIndex
      for (const settlement of effects.settle) {
        if (settlement.type !== 'readReady') continue
        const violation = checkRead(committedAtRequest, `${node}.${startCount} ${settlement.read}`, settlement.index)
        if (violation !== undefined) return violation
      }
      return undefined
    }
  },
}

function checkRead(committedAtRequest: Map<string, LogIndex>, read: string, index: LogIndex): string | undefined {
  const committed = committedAtRequest.get(read)
  if (committed === undefined) return undefined
  committedAtRequest.delete(read)
  if (index >= committed) return undefined
  return `read ${read} was answered at index ${index}, but index ${committed} was committed when it was requested.`
}
