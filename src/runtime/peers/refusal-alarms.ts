/** The alarms about peers that refuse this node, or that this node refuses because of their data directory. A connection ends them. */
import type { Clock, Timer } from '../../contracts/clock.ts'
import type { Refusal } from '../../contracts/transport.ts'
import type { NodeId } from '../../core/types.ts'
import type { Alarms } from '../health/alarms.ts'

const CODE = 'PEER_REFUSED'
const DIRECTORY_CODE = 'DIRECTORY_REFUSED'
/** Longer than a transport pauses after a refusal. */
const QUIET_MS = 60_000

export class RefusalAlarms {
  readonly #alarms: Pick<Alarms, 'raise' | 'clear'>
  readonly #clock: Pick<Clock, 'now' | 'wakeAt'>
  readonly #timers = new Map<NodeId, Timer>()
  readonly #refusedDirectories = new Set<NodeId>()
  #isStopped = false

  constructor(alarms: Pick<Alarms, 'raise' | 'clear'>, clock: Pick<Clock, 'now' | 'wakeAt'>) {
    this.#alarms = alarms
    this.#clock = clock
  }

  /** The peer answers, and refuses this node. The alarm ends too once no refusal came for a while. */
  onRefused(peer: NodeId, { code, message }: Refusal): void {
    if (this.#isStopped) return
    this.#alarms.raise({ code: CODE, peer, message: `no connection to ${peer}: ${message}`, details: { code } })
    this.#timers.get(peer)?.cancel()
    this.#timers.set(
      peer,
      this.#clock.wakeAt(this.#clock.now() + QUIET_MS, () => this.#onQuiet(peer)),
    )
  }

  /** This node has refused the data directory of a member. The alarm stays, because the member has probably stopped for that reason. */
  onDirectoryRefused(peer: NodeId, { code, message }: Refusal): void {
    if (this.#isStopped) return
    this.#refusedDirectories.add(peer)
    this.#alarms.raise({ code: DIRECTORY_CODE, peer, message, details: { code } })
  }

  onConnected(peer: NodeId): void {
    this.#timers.get(peer)?.cancel()
    this.#onQuiet(peer)
    this.#forgetDirectory(peer)
  }

  onMembersChanged(isMember: (peer: NodeId) => boolean): void {
    for (const peer of this.#refusedDirectories) if (!isMember(peer)) this.#forgetDirectory(peer)
  }

  stop(): void {
    this.#isStopped = true
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
  }

  #onQuiet(peer: NodeId): void {
    if (this.#timers.delete(peer)) this.#alarms.clear(CODE, peer)
  }

  #forgetDirectory(peer: NodeId): void {
    if (this.#refusedDirectories.delete(peer)) this.#alarms.clear(DIRECTORY_CODE, peer)
  }
}
