/** One direction of a simulated link: which messages pass, how many bytes are in flight, and when the next message may arrive. */
import type { PeerMessage } from '../../contracts/transport.ts'
import { messageBytes } from '../../contracts/transport.ts'

/** Maximum bytes in flight per direction; a message beyond it is rejected, unless nothing else is in flight. */
export const WINDOW_BYTES = 1_048_576

export class LinkDirection {
  /** Whether all messages are lost. */
  isCut = false
  /** If set, messages of all other types are lost. */
  onlyType: PeerMessage['type'] | undefined
  #bytes = 0
  #arrivalUs = 0

  /** Bytes in flight. */
  get bytes(): number {
    return this.#bytes
  }

  /** The earliest arrival time of the next message if messages keep their order. */
  get arrivalUs(): number {
    return this.#arrivalUs
  }

  /** Ends `isCut` and `onlyType`. */
  heal(): void {
    this.isCut = false
    this.onlyType = undefined
  }

  /** A single message always fits, whatever its size. */
  fits(message: PeerMessage): boolean {
    return this.#bytes === 0 || this.#bytes + messageBytes(message) <= WINDOW_BYTES
  }

  passes({ type }: PeerMessage): boolean {
    return (this.onlyType ?? type) === type
  }

  /** Adds a message in flight and returns its arrival time: with `isOrdered`, not before any earlier message. */
  depart(message: PeerMessage, arrivalUs: number, isOrdered: boolean): number {
    this.#bytes += messageBytes(message)
    if (!isOrdered) return arrivalUs
    this.#arrivalUs = Math.max(arrivalUs, this.#arrivalUs)
    return this.#arrivalUs
  }

  /** Removes a message from the bytes in flight, whether it was delivered or lost. */
  arrive(message: PeerMessage): void {
    this.#bytes -= messageBytes(message)
  }
}
