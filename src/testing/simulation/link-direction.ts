/** One direction between two nodes of the false network: what may pass, how much is on its way, and in which order it arrives. */
import type { PeerMessage } from '../../contracts/transport.ts'

/** The most bytes on their way in one direction; beyond them a message is dropped. */
export const WINDOW_BYTES = 1_048_576
/** What a message takes beside its blocks. */
const MESSAGE_BYTES = 256

export class LinkDirection {
  /** Nothing passes. */
  isCut = false
  /** Messages of other types are lost. */
  onlyType: PeerMessage['type'] | undefined
  #bytes = 0
  #arrivalUs = 0

  /** On their way. */
  get bytes(): number {
    return this.#bytes
  }

  /** The earliest arrival of the next message, when order is kept. */
  get arrivalUs(): number {
    return this.#arrivalUs
  }

  /** Everything passes again. */
  heal(): void {
    this.isCut = false
    this.onlyType = undefined
  }

  /** One message fits always, however large it is. */
  fits(message: PeerMessage): boolean {
    return this.#bytes === 0 || this.#bytes + sizeOf(message) <= WINDOW_BYTES
  }

  passes({ type }: PeerMessage): boolean {
    return (this.onlyType ?? type) === type
  }

  /** A message sets out; says when it arrives: not before those that were sent earlier, when order is kept. */
  depart(message: PeerMessage, arrivalUs: number, isOrdered: boolean): number {
    this.#bytes += sizeOf(message)
    if (!isOrdered) return arrivalUs
    this.#arrivalUs = Math.max(arrivalUs, this.#arrivalUs)
    return this.#arrivalUs
  }

  /** It is no longer on its way, whatever becomes of it. */
  arrive(message: PeerMessage): void {
    this.#bytes -= sizeOf(message)
  }
}

function sizeOf(message: PeerMessage): number {
  if (message.type !== 'AppendEntriesRequest') return MESSAGE_BYTES
  return message.blocks.reduce((bytes, block) => bytes + block.size, MESSAGE_BYTES)
}
