/** Thesis §6.4, the exact rule, which needs no search: a read sees all that was committed anywhere before it was asked for. */
import type { LogIndex } from '../../core/types.ts'
import type { Property } from './property.ts'

export const linearizableReads: Property = {
  id: 'I14',
  name: 'linearizable reads',
  promise: 'A read is answered from a state that holds every entry committed anywhere before the read was asked for.',
  watch(view) {
    const asked = new Map<string, LogIndex>()
    let committed: LogIndex = 0
    return (observation) => {
      if (observation.type === 'invoked' && observation.what === 'read')
        asked.set(`client ${observation.call}`, committed)
      if (observation.type === 'returned' && observation.outcome === 'applied')
        return judge(asked, `client ${observation.call}`, observation.index)
      if (observation.type !== 'stepped') return undefined
      const { node, inputs, effects } = observation
      const life = view.node(node).lives
      for (const input of inputs) if (input.type === 'read') asked.set(`${node}.${life} ${input.read}`, committed)
      committed = view.ledger.lastIndex
      for (const settlement of effects.settle) {
        if (settlement.type !== 'readReady') continue
        const broken = judge(asked, `${node}.${life} ${settlement.read}`, settlement.index)
        if (broken !== undefined) return broken
      }
      return undefined
    }
  },
}

function judge(asked: Map<string, LogIndex>, read: string, index: LogIndex): string | undefined {
  const committed = asked.get(read)
  if (committed === undefined) return undefined
  asked.delete(read)
  if (index >= committed) return undefined
  return `read ${read} was answered at index ${index}, although ${committed} had been committed when it was asked for.`
}
