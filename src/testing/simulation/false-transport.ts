/** The Transport contract over a false network, as one life of a node has it. */
import type { PeerMessage, Transport, TransportHost } from '../../contracts/transport.ts'
import type { NodeId } from '../../core/types.ts'
import type { FalseNetwork } from './network.ts'
import { unreachable } from './network.ts'
import type { NodeClock } from './virtual-clock.ts'

/** What one life of a node holds of the network. */
export class FalseTransport implements Transport {
  readonly #network: FalseNetwork
  readonly #id: NodeId
  readonly #clock: NodeClock
  #isOpen = false

  constructor(network: FalseNetwork, id: NodeId, clock: NodeClock) {
    this.#network = network
    this.#id = id
    this.#clock = clock
  }

  get address(): string {
    return `sim:${this.#id}`
  }

  start(host: TransportHost): Promise<void> {
    this.#network.plug(this.#id, { host, clock: this.#clock, peers: new Map() })
    this.#isOpen = true
    return Promise.resolve()
  }

  setPeers(addresses: ReadonlyMap<NodeId, string>): void {
    if (this.#isLive) this.#network.setPeers(this.#id, addresses)
  }

  send(to: NodeId, message: PeerMessage): boolean {
    return this.#isLive && this.#network.send(this.#id, to, message)
  }

  async *fetchSnapshot(from: NodeId, id: string, offset: number, signal: AbortSignal): AsyncIterable<Uint8Array> {
    const transfer = this.#network.openTransfer(this.#id, from, signal)
    let chunks: AsyncIterator<Uint8Array> | undefined
    try {
      await transfer.travel(this.#clock)
      chunks = this.#network.endpointOf(from)?.host.readSnapshot(id, offset)[Symbol.asyncIterator]()
      if (chunks === undefined) throw unreachable(this.#id, from)
      for (;;) {
        const next = await Promise.race([chunks.next(), transfer.broken])
        await Promise.race([transfer.travel(this.#clock), transfer.broken])
        if (next.done === true) return
        yield next.value.slice()
      }
    } finally {
      transfer.close()
      void chunks?.return?.()
    }
  }

  close(): Promise<void> {
    if (this.#isLive) this.#network.unplug(this.#id)
    this.#isOpen = false
    return Promise.resolve()
  }

  get #isLive(): boolean {
    return this.#isOpen && !this.#clock.isStopped
  }
}
