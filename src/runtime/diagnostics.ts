/** Publishes the events of nodes on channels of node:diagnostics_channel, for tools that do not start the node themselves. */
import type { NodeEvent } from '../contracts/observer.ts'
import type { NodeId } from '../core/types.ts'
import { nodeModule } from '../platform/node-modules.ts'

/** Undefined in a browser. */
const channels = nodeModule<typeof import('node:diagnostics_channel')>('node:diagnostics_channel')

/** The channel of each type of event that was published: a channel that is not kept loses its subscribers, and is found slowly. */
const known = new Map<NodeEvent['type'], import('node:diagnostics_channel').Channel>()

/** Publishes `{ node, event }` on the channel 'quorate:' and the type of the event. Without a subscriber it costs one lookup. */
export function publishEvent(node: NodeId, event: NodeEvent): void {
  if (channels === undefined) return
  let channel = known.get(event.type)
  if (channel === undefined) {
    channel = channels.channel(`quorate:${event.type}`)
    known.set(event.type, channel)
  }
  if (channel.hasSubscribers) channel.publish({ node, event })
}
