/** The changes of a node: every applied command once and in order, or the place from which on they are kept. */
import type { LogIndex } from '../../core/types.ts'
import type { Property } from './property.ts'

export const changeFeed: Property = {
  id: 'I22',
  name: 'change feed',
  statement:
    'A reader of changes receives every command that any node applied, once and in order, whatever nodes it follows, or learns where the kept ones begin.',
  observes: ['applied', 'changed', 'compacted'],
  watch() {
    const commands = new Map<LogIndex, string>()
    const nextIndexes = new Map<number, LogIndex>()
    return (observation) => {
      if (observation.type === 'applied') commands.set(observation.index, observation.command)
      if (observation.type === 'compacted') {
        const { reader, node, wantedIndex, firstIndex } = observation
        nextIndexes.set(reader, firstIndex)
        return firstIndex > wantedIndex
          ? undefined
          : `${node} answered reader ${reader}, which wanted index ${wantedIndex}, that it keeps the changes from ${firstIndex} on.`
      }
      if (observation.type !== 'changed') return undefined
      const { reader, node, index, command } = observation
      const nextIndex = nextIndexes.get(reader) ?? 1
      nextIndexes.set(reader, index + 1)
      if (index < nextIndex)
        return `reader ${reader} received the change at ${index} from ${node}, after that at ${nextIndex - 1}.`
      for (let missed = nextIndex; missed < index; missed++)
        if (commands.has(missed))
          return `reader ${reader} received the change at ${index} from ${node}, and not that at ${missed}.`
      if (commands.get(index) === command) return undefined
      return `reader ${reader} received ${command} as the change at ${index} from ${node}, where ${commands.get(index)} was applied.`
    }
  },
}
