/** What has happened since the last turn, in order. Bounded: a peer's message that finds it full is lost, as on a network. */
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

  /** How many messages of peers found it full. */
  get dropped(): number {
    return this.#dropped
  }

  /** For the node's own inputs, whose number is bounded by what it has begun. */
  post(input: Input): void {
    this.#inputs.push(input)
  }

  /** For what peers say; false if there was no room. */
  receive(from: NodeId, message: PeerMessage): boolean {
    const bytes = messageBytes(message)
    const isFull = this.#messages >= this.#limits.messagesMax || this.#bytes + bytes > this.#limits.bytesMax
    // A message larger than the whole box still passes when it is alone.
    if (isFull && this.#messages > 0) {
      this.#dropped++
      return false
    }
    this.#messages++
    this.#bytes += bytes
    this.#inputs.push({ type: 'receive', from, message })
    return true
  }

  /** Everything, in order; the box is empty afterwards. */
  take(): readonly Input[] {
    const inputs = this.#inputs
    this.#inputs = []
    this.#messages = 0
    this.#bytes = 0
    return inputs
  }
}
