/** The hash chains of the nodes agree: no node stops because its log and the leader's have different contents. */
import type { Property } from './property.ts'

export const noDivergence: Property = {
  id: 'I18',
  name: 'no divergence',
  statement:
    'While disks return what was written, no node finds other content in the log of a leader than in its own where the terms are equal.',
  observes: ['stepped'],
  watch() {
    return (observation) => {
      if (observation.type !== 'stepped') return undefined
      for (const event of observation.effects.events) {
        if (event.type !== 'diverged' || event.chains === undefined) continue
        const { agreedIndex, index, from, chains } = event
        return `${observation.node} and ${from} differ in the entries from ${agreedIndex + 1} to ${index} (hash chains ${chains.own} and ${chains.leader}).`
      }
      return undefined
    }
  },
}
