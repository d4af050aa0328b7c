/** Leadership transfer (thesis §3.10): it is bounded in time, because the leader rejects writes during a transfer. */
import type { Instant, NodeId } from '../../core/types.ts'
import type { Property } from './property.ts'

export const transferEnds: Property = {
  id: 'L7',
  name: 'a transfer ends',
  statement: 'A leadership transfer completes or is abandoned within one election timeout of the leader, on its clock.',
  observes: ['started', 'stepped'],
  watch(view) {
    const startedAt = new Map<NodeId, Instant>()
    return (observation) => {
      if (observation.type === 'started') startedAt.delete(observation.node)
      if (observation.type !== 'stepped' || observation.now === undefined) return undefined
      const { node, now, effects, status } = observation
      if (!status.isTransferring) {
        startedAt.delete(node)
        return undefined
      }
      const since = startedAt.get(node)
      if (since === undefined || effects.events.some(({ type }) => type === 'transferStarted')) {
        startedAt.set(node, now)
        return undefined
      }
      const limitMs = view.node(node).settings?.electionTimeoutMaxMs ?? Number.POSITIVE_INFINITY
      if (now - since < limitMs) return undefined
      return `a transfer on ${node} has taken ${now - since} ms; the election timeout is ${limitMs} ms.`
    }
  },
}
