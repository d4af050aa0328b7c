/** Reports nodes that wait to be added: a member reports connected peers that are not members, and the node itself raises an alarm. */
import type { Clock, Timer } from '../../contracts/clock.ts'
import type { RuntimeEvent } from '../../contracts/observer.ts'
import type { NodeId } from '../../core/types.ts'
import type { Alarms } from '../health/alarms.ts'
import type { Peers } from './peers.ts'

const CODE = 'ERR_RAFT_UNKNOWN_PEER'

/** How often a member reports a peer that stays connected. */
const REPORT_PERIOD_MS = 60_000

export interface UnknownPeersParts {
  readonly id: NodeId
  readonly peers: Pick<Peers, 'view' | 'admission' | 'addresses'>
  readonly ownAddress: () => string
  readonly leader: () => NodeId | undefined
  readonly alarms: Pick<Alarms, 'raise' | 'clear'>
  readonly emit: (event: RuntimeEvent) => void
  readonly clock: Pick<Clock, 'now' | 'wakeAt'>
  /** How long a node may be connected before it is reported: the leader sends its log to one that was added much sooner. */
  readonly graceMs: number
}

export class UnknownPeers {
  readonly #parts: UnknownPeersParts
  #timer: Timer | undefined
  #nextAt = Number.POSITIVE_INFINITY

  constructor(parts: UnknownPeersParts) {
    this.#parts = parts
  }

  onConnected(peer: NodeId): void {
    const { id, peers, clock, graceMs } = this.#parts
    const { view } = peers
    if (view.member(id) !== undefined && view.member(peer) !== undefined) return
    // A peer that connects again and again does not postpone the check.
    const at = clock.now() + graceMs
    if (at < this.#nextAt) this.#checkAt(at)
  }

  /** Called when a leader is known, or the membership has changed. */
  update(): void {
    if (!this.#isWaiting) this.#parts.alarms.clear(CODE)
  }

  stop(): void {
    this.#timer?.cancel()
  }

  get #isWaiting(): boolean {
    const { id, peers, leader } = this.#parts
    return peers.view.member(id) === undefined && leader() === undefined
  }

  #checkAt(at: number): void {
    this.#timer?.cancel()
    this.#nextAt = at
    this.#timer = this.#parts.clock.wakeAt(at, () => this.#check())
  }

  #check(): void {
    const { id, peers, clock } = this.#parts
    this.#nextAt = Number.POSITIVE_INFINITY
    const unknown = this.#unknown
    if (this.#isWaiting) this.#raise()
    else if (peers.view.member(id) !== undefined) for (const peer of unknown) this.#report(peer)
    if (this.#isWaiting || unknown.length > 0) this.#checkAt(clock.now() + REPORT_PERIOD_MS)
  }

  /** A node that was removed learns of its removal, and does not ask to be added. */
  get #unknown(): readonly NodeId[] {
    const { view, admission } = this.#parts.peers
    return admission.connected.filter((peer) => view.member(peer) === undefined && !view.isRecentlyRemoved(peer))
  }

  #raise(): void {
    const { id, ownAddress, alarms } = this.#parts
    const peers = this.#parts.peers.admission.connected.join(', ')
    const address = ownAddress()
    const message =
      `${id} waits to be added to the cluster: it is connected to ${peers === '' ? 'no node at present' : peers}, and no leader has sent it ` +
      `the log. If it has not been added, run: ${addCommand(id, address)}`
    alarms.raise({ code: CODE, message, details: { address, peers } })
  }

  #report(peer: NodeId): void {
    const address = this.#parts.peers.addresses.greetingOf(peer) ?? 'HOST:PORT'
    const message = `${peer} at ${address} asks to join; it is not a member. To add it, run: ${addCommand(peer, address)}`
    this.#parts.emit({ type: 'unknownPeer', peer, code: CODE, address, message })
  }
}

function addCommand(id: NodeId, address: string): string {
  return `quorate member add ${id} ${address}`
}
