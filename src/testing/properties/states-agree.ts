/** The digests of the state machines agree: no node finds another state than its own at the same index. */
import type { Property } from './property.ts'

export const statesAgree: Property = {
  id: 'I21',
  name: 'states agree',
  statement: 'A deterministic state machine has the same digest on every node after the same entry.',
  observes: ['stepped'],
  watch() {
    return (observation) => {
      if (observation.type !== 'stepped') return undefined
      for (const event of observation.effects.events) {
        if (event.type === 'stateDiffers')
          return `${observation.node} and ${event.peer} have other states after entry ${event.index}.`
        if (event.type === 'otherState')
          return `${observation.node} has another state after entry ${event.index} than a quorum.`
      }
      return undefined
    }
  },
}
