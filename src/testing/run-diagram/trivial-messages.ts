/** Tells which messages bring nothing new: heartbeats, and the responses to them. */
import type { PeerMessage } from '../../contracts/transport.ts'
import type { Message } from '../../core/messages.ts'
import type { NodeId } from '../../core/types.ts'

export class TrivialMessages {
  /** By sender and receiver: what the last message of each kind said. */
  readonly #last = new Map<string, string>()

  /** Whether a message says the same as the one before it. */
  isTrivial(from: NodeId, to: NodeId, message: Message | PeerMessage): boolean {
    const news = newsOf(message)
    if (news === undefined) return false
    const key = `${from}>${to} ${message.type}`
    const isKnown = this.#last.get(key) === news
    this.#last.set(key, news)
    return isKnown
  }
}

function newsOf(message: Message | PeerMessage): string | undefined {
  if (message.type === 'AppendEntriesRequest' && message.blocks.length === 0)
    return `${message.term} ${message.prevIndex} ${message.commitIndex}`
  if (message.type === 'AppendEntriesResponse' && message.isAccepted) return `${message.term} ${message.index}`
  return undefined
}
