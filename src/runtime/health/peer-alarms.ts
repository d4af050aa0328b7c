/** The alarms that a node raises about its peers. They end with their cause, with the membership, or with its leadership. */
import type { Clock, Timer } from '../../contracts/clock.ts'
import type { RaftEvent } from '../../core/events.ts'
import { isMember } from '../../core/membership/membership.ts'
import type { NodeId } from '../../core/types.ts'
import type { AlarmFacts, Alarms } from './alarms.ts'

const SNAPSHOT_NO_SPACE = 'SNAPSHOT_NO_SPACE'
const SNAPSHOT_FETCH_FAILING = 'SNAPSHOT_FETCH_FAILING'
const TERM_JUMP = 'TERM_JUMP'
const STATE_DIFFERS = 'STATE_DIFFERS'

/** A peer that sent no term that is too high for this long no longer does. */
const TERM_JUMP_MS = 60_000
/** The most peers with this alarm at a time. */
const TERM_JUMP_PEERS_MAX = 16

export class PeerAlarms {
  readonly #alarms: Pick<Alarms, 'raise' | 'clear'>
  readonly #clock: Clock
  /** By code: the peers with an alarm that this node raises as leader. */
  readonly #raised = new Map<string, Set<NodeId>>()
  /** By peer: when its alarm about terms ends. */
  readonly #termJumps = new Map<NodeId, Timer>()

  constructor(alarms: Pick<Alarms, 'raise' | 'clear'>, clock: Clock) {
    this.#alarms = alarms
    this.#clock = clock
  }

  stop(): void {
    for (const timer of this.#termJumps.values()) timer.cancel()
    this.#termJumps.clear()
  }

  onEvent(event: RaftEvent): void {
    switch (event.type) {
      case 'snapshotStalled': {
        const { peer, freeBytes, neededBytes } = event
        const message = `${peer} needs a snapshot that does not fit on its disk: ${neededBytes} bytes are needed, ${freeBytes} are free; free space there`
        return this.#raise({ code: SNAPSHOT_NO_SPACE, peer, message, details: { freeBytes, neededBytes } })
      }
      case 'snapshotFetchFailing': {
        const { peer, attempts } = event
        const message = `${peer} could not fetch the snapshot of this leader in ${attempts} attempts; the alarm on ${peer} has the reason`
        return this.#raise({ code: SNAPSHOT_FETCH_FAILING, peer, message, details: { attempts } })
      }
      case 'termJumpLimited': {
        const { from, claimed, term } = event
        if (!this.#termJumps.has(from) && this.#termJumps.size >= TERM_JUMP_PEERS_MAX) return
        const message = `${from} claims term ${claimed}; this node raised its own to ${term} only. Terms rise by one per election: find out what runs under this id, and remove the member if it is faulty`
        this.#alarms.raise({ code: TERM_JUMP, peer: from, message, details: { claimed, term } })
        return this.#clearTermJumpLater(from)
      }
      case 'stateDiffers': {
        const { peer, index } = event
        const message =
          `the state machine of ${peer} has another state after entry ${index} than this one, although the entries are equal. ` +
          'Whichever contradicts a majority stops; if none has a majority, find out which is right, and replace the others'
        return this.#raise({ code: STATE_DIFFERS, peer, message, details: { index } })
      }
      case 'stateAgrees':
        return this.#clear(STATE_DIFFERS, (peer) => peer === event.peer)
      case 'snapshotFetchRecovered':
        return this.#clear(SNAPSHOT_FETCH_FAILING, (peer) => peer === event.peer)
      case 'snapshotResumed':
        return this.#clear(SNAPSHOT_NO_SPACE, (peer) => peer === event.peer)
      case 'steppedDown':
        return this.#clearAll(() => true)
      case 'membershipCommitted':
        return this.#clearAll((peer) => !isMember(event.membership, peer))
    }
  }

  #clearTermJumpLater(peer: NodeId): void {
    this.#termJumps.get(peer)?.cancel()
    const timer = this.#clock.wakeAt(this.#clock.now() + TERM_JUMP_MS, () => {
      this.#termJumps.delete(peer)
      this.#alarms.clear(TERM_JUMP, peer)
    })
    this.#termJumps.set(peer, timer)
  }

  #raise(alarm: AlarmFacts & { readonly peer: NodeId }): void {
    const peers = this.#raised.get(alarm.code) ?? new Set()
    this.#raised.set(alarm.code, peers.add(alarm.peer))
    this.#alarms.raise(alarm)
  }

  #clear(code: string, isOver: (peer: NodeId) => boolean): void {
    const peers = this.#raised.get(code)
    for (const peer of peers ?? []) {
      if (!isOver(peer)) continue
      peers?.delete(peer)
      this.#alarms.clear(code, peer)
    }
  }

  #clearAll(isOver: (peer: NodeId) => boolean): void {
    for (const code of this.#raised.keys()) this.#clear(code, isOver)
  }
}
