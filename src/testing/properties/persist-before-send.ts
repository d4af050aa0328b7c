/** Persistent state (Figure 2): "Updated on stable storage before responding to RPCs". */
import type { PeerMessage } from '../../contracts/transport.ts'
import type { Message } from '../../core/messages.ts'
import type { NodeId } from '../../core/types.ts'
import type { NodeView } from './cluster-view.ts'
import type { Property } from './property.ts'

export const persistBeforeSend: Property = {
  id: 'I12',
  name: 'persist before send',
  statement:
    'What a message states about its sender (term, vote, log, snapshot) is durable on the disk of the sender before it is sent.',
  observes: ['sent'],
  watch(view) {
    return (observation) => {
      if (observation.type !== 'sent') return undefined
      const node = view.node(observation.from)
      const claim = findUnpersistedClaim(node, observation.to, observation.message)
      return claim === undefined ? undefined : `${node.id} told ${observation.to} ${claim}.`
    }
  },
}

function findUnpersistedClaim(node: NodeView, to: NodeId, message: Message | PeerMessage): string | undefined {
  const { term: durableTerm, votedFor } = node.diskState
  switch (message.type) {
    case 'PreVoteRequest':
    case 'PreVoteResponse':
    // Read index messages state nothing about the disk of their sender.
    case 'ReadIndexRequest':
    case 'ReadIndexResponse':
    // A place in the log of a leader: whether its entry is committed is told by the log of the receiver.
    case 'ProposeRequest':
    case 'ProposeResponse':
      return undefined
    case 'RequestVoteResponse':
      if (!message.isGranted || durableTerm > message.term) break
      if (durableTerm === message.term && votedFor === to) break
      return `that it votes for it in term ${message.term}, but its disk has term ${durableTerm}, vote ${votedFor}`
    case 'AppendEntriesResponse':
      if (!message.isAccepted || durableTerm > message.term) break
      if (Math.max(node.disk.lastIndex, node.diskSnapshot?.index ?? 0) >= message.index) break
      return `that its log is durable up to ${message.index}, but its disk ends at ${node.disk.lastIndex}`
    case 'InstallSnapshotResponse':
      if (message.outcome !== 'installed' || durableTerm > message.term) break
      if (Math.max(node.disk.lastIndex, node.diskSnapshot?.index ?? 0) >= message.index) break
      return `that it installed a snapshot at ${message.index}, but its disk has ${node.diskSnapshot?.index ?? 'none'}`
    default:
  }
  if (durableTerm >= message.term) return undefined
  return `its term ${message.term} (${message.type}), but its disk has ${durableTerm}`
}
