/** Publishes the events of nodes on channels of node:diagnostics_channel, for tools that do not start the node themselves. */
import type { NodeEvent } from '../contracts/observer.ts'
import type { NodeId } from '../core/types.ts'
import { nodeModule } from '../platform/node-modules.ts'

/** Undefined in a browser. */
const channels = nodeModule<typeof import('node:diagnostics_channel')>('node:diagnostics_channel')

/** Publishes `{ node, event }` on the channel 'quorate:' and the type of the event. Without a subscriber it costs one lookup. */
export function publishEvent(node: NodeId, event: NodeEvent): void {
  const name = `quorate:${event.type}`
  if (channels?.hasSubscribers(name) === true) channels.channel(name).publish({ node, event })
}
