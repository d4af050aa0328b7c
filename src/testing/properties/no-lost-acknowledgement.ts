/** The outcome that a client receives is final: an acknowledged write stays applied, a rejected one is never applied. */
import type { LogIndex } from '../../core/types.ts'
import type { Property } from './property.ts'

export const noLostAcknowledgement: Property = {
  id: 'I10',
  name: 'no lost acknowledgement',
  statement:
    'An acknowledged write is in the final state of every node, a rejected write in none, and no write is applied twice.',
  observes: ['applied', 'ended', 'invoked', 'returned'],
  watch() {
    const invoked = new Map<number, string>()
    const acknowledged = new Map<LogIndex, string>()
    const rejected = new Set<string>()
    return (observation) => {
      if (observation.type === 'invoked' && observation.what === 'write')
        invoked.set(observation.call, observation.command)
      if (observation.type === 'returned') {
        const command = invoked.get(observation.call)
        if (command === undefined) return undefined
        if (observation.outcome === 'applied') acknowledged.set(observation.index, command)
        if (observation.outcome === 'not-applied') rejected.add(command)
      }
      if (observation.type === 'applied' && rejected.has(observation.command))
        return `${observation.node} applied ${observation.command}, which was rejected as not applied.`
      if (observation.type !== 'ended') return undefined
      for (const [index, command] of acknowledged)
        if (observation.commands.get(index) !== command)
          return `the acknowledged ${command} at index ${index} is not in the final state of ${observation.node}.`
      const seen = new Set<string>()
      for (const command of observation.commands.values()) {
        if (rejected.has(command)) return `the rejected ${command} is in the final state of ${observation.node}.`
        if (seen.has(command)) return `${command} is in the final state of ${observation.node} twice.`
        seen.add(command)
      }
      return undefined
    }
  },
}
