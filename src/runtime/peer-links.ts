/** The links to the peers: they follow the membership in force. */
import type { Clock, Timer } from '../contracts/clock.ts'
import type { Transport } from '../contracts/transport.ts'
import type { Roster } from './roster.ts'

export interface PeerLinksParts {
  readonly roster: Roster
  readonly transport: Pick<Transport, 'setPeers'>
  readonly clock: Clock
  /** How long those who have left keep their links: as long as it takes to hear of it. */
  readonly farewellMs: number
}

export class PeerLinks {
  readonly #parts: PeerLinksParts
  #farewell: Timer | undefined
  #isStopped = false

  constructor(parts: PeerLinksParts) {
    this.#parts = parts
  }

  /** The membership has changed, or it is the first one. */
  follow(): void {
    const { roster, transport, clock, farewellMs } = this.#parts
    transport.setPeers(roster.peers())
    if (!roster.hasLeaving) return
    this.#farewell?.cancel()
    this.#farewell = clock.wakeAt(clock.now() + farewellMs, () => {
      if (this.#isStopped) return
      roster.dismiss()
      transport.setPeers(roster.peers())
    })
  }

  /** Nobody loses a link any more, until all do. */
  stop(): void {
    this.#isStopped = true
    this.#farewell?.cancel()
  }
}
