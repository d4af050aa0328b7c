/** Keeps the transport connected to the members of the current membership. */
import type { Clock, Timer } from '../../contracts/clock.ts'
import type { Transport } from '../../contracts/transport.ts'
import type { NodeId } from '../../core/types.ts'
import type { MembershipView } from './membership-view.ts'
import type { PeerAddresses } from './peer-addresses.ts'

export interface PeerConnectionsParts {
  readonly membershipView: MembershipView
  readonly addresses: Pick<PeerAddresses, 'alternatives'>
  readonly transport: Pick<Transport, 'setPeers'>
  readonly clock: Clock
  /** How long a removed member stays connected, to learn of its removal. */
  readonly removedPeerGraceMs: number
}

export class PeerConnections {
  readonly #parts: PeerConnectionsParts
  #graceTimer: Timer | undefined
  #isStopped = false

  constructor(parts: PeerConnectionsParts) {
    this.#parts = parts
  }

  /** Called when a peer greets from a new address: not within the greeting, which a new connection to that peer would end. */
  updateSoon(): void {
    this.#parts.clock.defer(() => {
      if (!this.#isStopped) this.update()
    })
  }

  /** Called at start, and after each membership change. */
  update(): void {
    const { membershipView, clock, removedPeerGraceMs } = this.#parts
    this.#setPeers()
    if (!membershipView.hasRecentlyRemoved) return
    this.#graceTimer?.cancel()
    this.#graceTimer = clock.wakeAt(clock.now() + removedPeerGraceMs, () => {
      if (this.#isStopped) return
      membershipView.forgetRemoved()
      this.#setPeers()
    })
  }

  /** Ends the links to these peers. They connect again, and are refused if they may no longer connect. */
  reconnect(peers: readonly NodeId[]): void {
    const { membershipView, transport } = this.#parts
    if (peers.length === 0 || this.#isStopped) return
    const others = [...membershipView.peerAddresses()].filter(([id]) => !peers.includes(id))
    transport.setPeers(new Map(others))
    this.#setPeers()
  }

  #setPeers(): void {
    const { membershipView, addresses, transport } = this.#parts
    const peers = membershipView.peerAddresses()
    transport.setPeers(peers, addresses.alternatives(peers))
  }

  /** Stops following membership changes; connections stay open until the transport closes. */
  stop(): void {
    this.#isStopped = true
    this.#graceTimer?.cancel()
  }
}
