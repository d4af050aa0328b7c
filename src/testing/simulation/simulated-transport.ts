/** The Transport contract on a simulated network, for one run of a process. */
import type { PeerMessage, Transport, TransportHost } from '../../contracts/transport.ts'
import type { NodeId } from '../../core/types.ts'
import type { ErrorCode } from '../../errors.ts'
import { isRaftError, RaftError } from '../../errors.ts'
import { idOf } from '../properties/processes.ts'
import { addressOf } from './endpoint.ts'
import type { Transfer } from './link.ts'
import { unreachable } from './link.ts'
import type { SimulatedNetwork } from './simulated-network.ts'
import type { NodeClock } from './virtual-clock.ts'

export class SimulatedTransport implements Transport {
  readonly #network: SimulatedNetwork
  /** The process, by its name in the network. */
  readonly #process: string
  readonly #id: NodeId
  readonly #clock: NodeClock
  readonly #transfers = new Set<Transfer>()
  #host: TransportHost | undefined
  #isClosed = false

  constructor(network: SimulatedNetwork, process: string, clock: NodeClock) {
    this.#network = network
    this.#process = process
    this.#id = idOf(process)
    this.#clock = clock
  }

  get address(): string {
    return addressOf(this.#id)
  }

  async start(host: TransportHost): Promise<void> {
    if (this.#isClosed) throw closed()
    this.#network.attach(this.#process, { host, clock: this.#clock, peers: new Map() })
    this.#host = host
  }

  setPeers(addresses: ReadonlyMap<NodeId, string>): void {
    if (this.#isOpen) this.#network.setPeers(this.#process, addresses)
  }

  send(to: NodeId, message: PeerMessage): boolean {
    if (!this.#isOpen) return false
    if (!this.#clock.isPaused) return this.#network.send(this.#process, to, message)
    // The process was paused after it had decided to send this.
    this.#clock.run(() => {
      if (this.#isOpen) this.#network.send(this.#process, to, message)
    })
    return true
  }

  async *fetchSnapshot(from: NodeId, id: string, offset: number, signal: AbortSignal): AsyncIterable<Uint8Array> {
    if (this.#isClosed) throw closed()
    const transfer = this.#network.openTransfer(this.#process, from, signal)
    this.#transfers.add(transfer)
    let chunks: AsyncIterator<Uint8Array> | undefined
    try {
      await Promise.race([transfer.delay(this.#clock), transfer.broken])
      chunks = this.#source(from, id, offset)[Symbol.asyncIterator]()
      for (;;) {
        const next = await Promise.race([chunks.next(), transfer.broken])
        await Promise.race([transfer.delay(this.#clock), transfer.broken])
        if (next.done === true) return
        yield next.value.slice()
      }
    } catch (error) {
      throw isRaftError(error) || signal.aborted ? error : unreachable(this.#id, from)
    } finally {
      this.#transfers.delete(transfer)
      transfer.close()
      void chunks?.return?.()
    }
  }

  async close(): Promise<void> {
    if (this.#isOpen) {
      for (const transfer of this.#transfers) transfer.fail(closed())
      this.#network.detach(this.#process)
    }
    this.#isClosed = true
  }

  get #isOpen(): boolean {
    return this.#host !== undefined && !this.#isClosed && !this.#clock.isStopped
  }

  /** Reads the snapshot from its owner, which checks the identity of this node again. */
  #source(from: NodeId, id: string, offset: number): AsyncIterable<Uint8Array> {
    const owner = this.#network.endpointAt(this.#id, from)?.host
    if (owner === undefined || this.#host === undefined) throw unreachable(this.#id, from)
    const refusal = owner.admit(this.#host.identity)
    if (refusal !== undefined) throw new RaftError(refusal.code as ErrorCode, refusal.message)
    return owner.readSnapshot(id, offset)
  }
}

function closed(): RaftError {
  return new RaftError('ERR_RAFT_CLOSED', 'the transport is closed')
}
