/** The unacknowledged AppendEntries in flight to one follower, limited in messages and bytes. */
import type { LogIndex } from '../types.ts'

interface Inflight {
  readonly last: LogIndex
  readonly bytes: number
}

export class Inflights {
  readonly #messagesMax: number
  readonly #bytesMax: number
  readonly #messages: Inflight[] = []
  #bytes = 0

  constructor(messagesMax: number, bytesMax: number) {
    this.#messagesMax = messagesMax
    this.#bytesMax = bytesMax
  }

  get messages(): number {
    return this.#messages.length
  }

  get bytes(): number {
    return this.#bytes
  }

  get isFull(): boolean {
    return this.#messages.length >= this.#messagesMax || this.#bytes >= this.#bytesMax
  }

  add(last: LogIndex, bytes: number): void {
    this.#messages.push({ last, bytes })
    this.#bytes += bytes
  }

  /** The follower acknowledged all entries up to `index`. */
  release(index: LogIndex): void {
    let count = 0
    while (count < this.#messages.length && (this.#messages[count] as Inflight).last <= index) {
      this.#bytes -= (this.#messages[count] as Inflight).bytes
      count++
    }
    if (count > 0) this.#messages.splice(0, count)
  }
}
