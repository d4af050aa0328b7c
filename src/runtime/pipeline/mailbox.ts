/** The inputs of the core since the last turn, in order. When full, drops messages from peers, as a network may. */
import type { QueueStatus } from '../../contracts/node-service.ts'
import type { PeerMessage } from '../../contracts/transport.ts'
import { messageBytes } from '../../contracts/transport.ts'
import type { Input } from '../../core/inputs.ts'
import type { NodeId } from '../../core/types.ts'

export class Mailbox {
  readonly #limits: { readonly messagesMax: number; readonly bytesMax: number }
  #inputs: Input[] = []
  #messages = 0
  #bytes = 0
  #dropped = 0

  constructor(limits: { readonly messagesMax: number; readonly bytesMax: number }) {
    this.#limits = limits
  }

  /** The number of messages dropped. */
  get dropped(): number {
    return this.#dropped
  }

  get queues(): readonly QueueStatus[] {
    const { messagesMax, bytesMax } = this.#limits
    return [
      { limit: 'mailboxMessagesMax', used: this.#messages, max: messagesMax },
      { limit: 'mailboxBytesMax', used: this.#bytes, max: bytesMax },
    ]
  }

  /** Adds an input of the node itself. Never dropped: their number is bounded by the node's own requests. */
  post(input: Input): void {
    this.#inputs.push(input)
  }

  /** Adds a message from a peer; returns false if it was dropped. */
  receive(from: NodeId, message: PeerMessage): boolean {
    const bytes = messageBytes(message)
    const isFull = this.#messages >= this.#limits.messagesMax || this.#bytes + bytes > this.#limits.bytesMax
    // A message larger than the limit passes if it is alone.
    if (isFull && this.#messages > 0) {
      this.#dropped++
      return false
    }
    this.#messages++
    this.#bytes += bytes
    this.#inputs.push({ type: 'receive', from, message })
    return true
  }

  /** Removes and returns all inputs. */
  take(): readonly Input[] {
    const inputs = this.#inputs
    this.#inputs = []
    this.#messages = 0
    this.#bytes = 0
    return inputs
  }
}
