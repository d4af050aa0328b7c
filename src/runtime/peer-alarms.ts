/** The alarms that a leader raises about its followers. They end with their cause, with the membership, or with its leadership. */
import type { RaftEvent } from '../core/events.ts'
import { isMember } from '../core/membership/membership.ts'
import type { NodeId } from '../core/types.ts'
import type { Alarms } from './alarms.ts'

const SNAPSHOT_NO_SPACE = 'SNAPSHOT_NO_SPACE'

export class PeerAlarms {
  readonly #alarms: Pick<Alarms, 'raise' | 'clear'>
  readonly #stalled = new Set<NodeId>()

  constructor(alarms: Pick<Alarms, 'raise' | 'clear'>) {
    this.#alarms = alarms
  }

  onEvent(event: RaftEvent): void {
    switch (event.type) {
      case 'snapshotStalled': {
        const { peer, freeBytes, neededBytes } = event
        const message = `${peer} needs a snapshot that does not fit on its disk: ${neededBytes} bytes are needed, ${freeBytes} are free; free space there`
        this.#stalled.add(peer)
        return this.#alarms.raise({ code: SNAPSHOT_NO_SPACE, peer, message, details: { freeBytes, neededBytes } })
      }
      case 'snapshotResumed':
        return this.#clear((peer) => peer === event.peer)
      case 'steppedDown':
        return this.#clear(() => true)
      case 'membershipCommitted':
        return this.#clear((peer) => !isMember(event.membership, peer))
    }
  }

  #clear(isOver: (peer: NodeId) => boolean): void {
    for (const peer of this.#stalled) {
      if (!isOver(peer)) continue
      this.#stalled.delete(peer)
      this.#alarms.clear(SNAPSHOT_NO_SPACE, peer)
    }
  }
}
