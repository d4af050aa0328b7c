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
    const { membershipView: roster, transport, clock, removedPeerGraceMs: farewellMs } = this.#parts
    transport.setPeers(roster.peerAddresses())
    if (!roster.hasRecentlyRemoved) return
    this.#graceTimer?.cancel()
    this.#graceTimer = clock.wakeAt(clock.now() + farewellMs, () => {
      if (this.#isStopped) return
      roster.forgetRemoved()
      transport.setPeers(roster.peerAddresses())
    })
  }

  /** Nobody loses a link any more, until all do. */
  stop(): void {
    this.#isStopped = true
    this.#graceTimer?.cancel()
  }
}
