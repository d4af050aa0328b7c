/** The alarms about peers to which this node cannot connect although they answer: each ends with a connection, or once no refusal came for a while. */
import type { Clock, Timer } from '../../contracts/clock.ts'
import type { Refusal } from '../../contracts/transport.ts'
import type { NodeId } from '../../core/types.ts'
import type { Alarms } from '../health/alarms.ts'

const CODE = 'PEER_REFUSED'
/** Longer than a transport pauses after a refusal. */
const QUIET_MS = 60_000

export class RefusalAlarms {
  readonly #alarms: Pick<Alarms, 'raise' | 'clear'>
  readonly #clock: Pick<Clock, 'now' | 'wakeAt'>
  readonly #timers = new Map<NodeId, Timer>()
  #isStopped = false

  constructor(alarms: Pick<Alarms, 'raise' | 'clear'>, clock: Pick<Clock, 'now' | 'wakeAt'>) {
    this.#alarms = alarms
    this.#clock = clock
  }

  onRefused(peer: NodeId, { code, message }: Refusal): void {
    if (this.#isStopped) return
    this.#alarms.raise({ code: CODE, peer, message: `no connection to ${peer}: ${message}`, details: { code } })
    this.#timers.get(peer)?.cancel()
    this.#timers.set(
      peer,
      this.#clock.wakeAt(this.#clock.now() + QUIET_MS, () => this.onConnected(peer)),
    )
  }

  onConnected(peer: NodeId): void {
    this.#timers.get(peer)?.cancel()
    if (this.#timers.delete(peer)) this.#alarms.clear(CODE, peer)
  }

  stop(): void {
    this.#isStopped = true
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
  }
}
