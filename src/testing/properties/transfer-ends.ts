/** Thesis §3.10: a leader that hands over refuses writes, so it must not do so for long. */
import type { Instant, NodeId } from '../../core/types.ts'
import type { Property } from './property.ts'

export const transferEnds: Property = {
  id: 'L7',
  name: 'a transfer ends',
  promise: 'A transfer of leadership ends, or is given up, within one election timeout by the clock of the leader.',
  watch(view) {
    const begun = new Map<NodeId, Instant>()
    return (observation) => {
      if (observation.type === 'started') begun.delete(observation.node)
      if (observation.type !== 'stepped' || observation.now === undefined) return undefined
      const { node, now, effects, status } = observation
      if (!status.isTransferring) {
        begun.delete(node)
        return undefined
      }
      const since = begun.get(node)
      if (since === undefined || effects.events.some(({ type }) => type === 'transferStarted')) {
        begun.set(node, now)
        return undefined
      }
      const limitMs = view.node(node).settings?.electionTimeoutMaxMs ?? Number.POSITIVE_INFINITY
      if (now - since < limitMs) return undefined
      return `${node} has been handing over for ${now - since} ms, and its election timeout is ${limitMs} ms.`
    }
  },
}
