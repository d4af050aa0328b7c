/** The links to the peers: they follow the membership in force. */
import type { Clock, Timer } from '../../contracts/clock.ts'
import type { Transport } from '../../contracts/transport.ts'
import type { MembershipView } from './membership-view.ts'

export interface PeerConnectionsParts {
  readonly membershipView: MembershipView
  readonly transport: Pick<Transport, 'setPeers'>
  readonly clock: Clock
  /** How long those who have left keep their links: as long as it takes to hear of it. */
  readonly removedPeerGraceMs: number
}

export class PeerConnections {
  readonly #parts: PeerConnectionsParts
  #graceTimer: Timer | undefined
  #isStopped = false

  constructor(parts: PeerConnectionsParts) {
    this.#parts = parts
  }

  /** The membership has changed, or it is the first one. */
  update(): void {
    const { membershipView, transport, clock, removedPeerGraceMs } = this.#parts
    transport.setPeers(membershipView.peerAddresses())
    if (!membershipView.hasRecentlyRemoved) return
    this.#graceTimer?.cancel()
    this.#graceTimer = clock.wakeAt(clock.now() + removedPeerGraceMs, () => {
      if (this.#isStopped) return
      membershipView.forgetRemoved()
      transport.setPeers(membershipView.peerAddresses())
    })
  }

  /** Nobody loses a link any more, until all do. */
  stop(): void {
    this.#isStopped = true
    this.#graceTimer?.cancel()
  }
}
