/** Gives each order the next id: 1, 2, 3, … */
import type { StateMachine } from 'quorate'

export interface AllocateId {
  readonly order: string
}

/** Asks for the orders of the ids after `after`, at most `limit`. */
export interface OrdersQuery {
  readonly after: number
  readonly limit: number
}

export class IdAllocator implements StateMachine<AllocateId, number, OrdersQuery, readonly string[]> {
  /** The order of id 1 is at offset 0. */
  #orders: string[] = []

  apply({ order }: AllocateId): number {
    return this.#orders.push(order)
  }

  query({ after, limit }: OrdersQuery): readonly string[] {
    return this.#orders.slice(after, after + limit)
  }

  snapshot(): Iterable<Uint8Array> {
    return [new TextEncoder().encode(JSON.stringify(this.#orders))]
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder()
    let text = ''
    for await (const chunk of chunks) text += decoder.decode(chunk, { stream: true })
    this.#orders = JSON.parse(text) as string[]
  }
}
