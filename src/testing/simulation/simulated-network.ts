/** A simulated network that delays, loses, duplicates and reorders messages and cuts links, with random choices from one seed. */
import type { PeerMessage } from '../../contracts/transport.ts'
import type { NodeId } from '../../core/types.ts'
import { idOf } from '../properties/processes.ts'
import type { Endpoint } from './endpoint.ts'
import { handshake, reachesWrongNode } from './endpoint.ts'
import type { Transfer } from './link.ts'
import { Link, unreachable } from './link.ts'
import { LinkDirection } from './link-direction.ts'
import type { NetworkConditions } from './network-conditions.ts'
import { drawDelayUs, NORMAL_CONDITIONS } from './network-conditions.ts'
import { PairKeys } from './pair-keys.ts'
import type { SeededRandom } from './seeded-random.ts'
import type { VirtualTime } from './virtual-clock.ts'

/** Receives what happens to each message. */
export interface NetworkObserver {
  sent(from: NodeId, to: NodeId, message: PeerMessage): void
  delivered(from: NodeId, to: NodeId, message: PeerMessage): void
  lost(from: NodeId, to: NodeId, message: PeerMessage, why: 'cut' | 'loss' | 'down'): void
  /** A process has accepted a connection with the process that it reaches under a peer's id. */
  connected?(process: Endpoint, peer: NodeId, accepted: Endpoint): void
}

const RECONNECT_US = 20_000
const STALE_DELAY_MAX_US = 5_000_000
/** The time after which both ends detect that a link is cut. */
const CUT_DETECTION_US = 400_000

/** The state of the network as plain data; `bytes` are in flight. The state hash covers the field names: `weather` are the conditions. */
export interface NetworkState {
  readonly weather: NetworkConditions
  readonly links: readonly {
    readonly a: NodeId
    readonly b: NodeId
    readonly isConnected: boolean
    readonly session: number
  }[]
  readonly directions: readonly {
    readonly way: string
    readonly isCut: boolean
    readonly bytes: number
    readonly arrivalUs: number
  }[]
}

export class SimulatedNetwork {
  readonly #time: VirtualTime
  readonly #random: SeededRandom
  readonly #observer: NetworkObserver
  /** By process: its node's id, or a name of its own if it is a clone. */
  readonly #endpoints = new Map<string, Endpoint>()
  /** By `FROM>TO`: the process that node FROM reaches under the id TO, if it is a clone. */
  readonly #routes = new Map<string, string>()
  readonly #directions = new Map<string, LinkDirection>()
  readonly #links = new Map<string, Link>()
  readonly #directionKeys = new PairKeys('>')
  readonly #linkKeys = new PairKeys('-')
  conditions: NetworkConditions
  #isHealed = false

  constructor(
    time: VirtualTime,
    random: SeededRandom,
    observer: NetworkObserver,
    conditions: NetworkConditions = NORMAL_CONDITIONS,
  ) {
    this.#time = time
    this.#random = random
    this.#observer = observer
    this.conditions = conditions
  }

  /** Loses all messages in this direction, including those in flight. */
  cut(from: NodeId, to: NodeId): void {
    const direction = this.#direction(from, to)
    if (direction.isCut) return
    direction.isCut = true
    const link = this.#link(from, to)
    const { session } = link
    this.#time.after(CUT_DETECTION_US, () => {
      if (direction.isCut && link.session === session) this.#disconnect(link, 'the link is cut')
    })
  }

  heal(from: NodeId, to: NodeId): void {
    this.#direction(from, to).isCut = false
    this.#reconnectLater(this.#link(from, to))
  }

  /** Loses messages of all other types in this direction; undefined ends that. */
  passOnly(from: NodeId, to: NodeId, type: PeerMessage['type'] | undefined): void {
    this.#direction(from, to).onlyType = type
  }

  /** Ends all cuts and filters; stale copies no longer arrive. */
  healAll(): void {
    this.#isHealed = true
    for (const direction of this.#directions.values()) direction.heal()
    for (const link of this.#links.values()) this.#reconnectLater(link)
  }

  isCut(from: NodeId, to: NodeId): boolean {
    return this.#direction(from, to).isCut
  }

  /** The current state, with links in the order of their first use. */
  state(): NetworkState {
    return {
      weather: this.conditions,
      links: [...this.#links.values()].map(({ a, b, isConnected, session }) => ({ a, b, isConnected, session })),
      directions: [...this.#directions].map(([way, { isCut, bytes, arrivalUs }]) => ({ way, isCut, bytes, arrivalUs })),
    }
  }

  /** Breaks the connection between two nodes; messages in flight are lost, and the nodes reconnect. */
  reset(a: NodeId, b: NodeId): void {
    const link = this.#link(a, b)
    this.#disconnect(link, 'the connection was reset')
    this.#reconnectLater(link)
  }

  /** Adds the endpoint of a process, to which peers can now connect. */
  attach(process: string, endpoint: Endpoint): void {
    this.#endpoints.set(process, endpoint)
  }

  /** Removes the endpoint of a closed or crashed process; its peers detect that at once, as with a TCP reset. */
  detach(process: string): void {
    if (!this.#endpoints.delete(process)) return
    const id = idOf(process)
    for (const link of this.#links.values()) {
      const peer = link.a === id ? link.b : link.b === id ? link.a : undefined
      if (peer !== undefined && this.#processAt(peer, id) === process)
        this.#disconnect(link, `${id} closed its connections`)
    }
  }

  /** The endpoint that node `from` reaches under an id. */
  endpointAt(from: NodeId, id: NodeId): Endpoint | undefined {
    return this.#endpoints.get(this.#processAt(from, id))
  }

  /** From now on node `from` reaches this process under the id of its node. */
  route(from: NodeId, process: string): void {
    const id = idOf(process)
    if (this.#processAt(from, id) === process) return
    const link = this.#link(from, id)
    this.#disconnect(link, 'the connection was reset')
    if (process === id) this.#routes.delete(this.#directionKeys.of(from, id))
    else this.#routes.set(this.#directionKeys.of(from, id), process)
    this.#reconnectLater(link)
  }

  #isAttached(endpoint: Endpoint): boolean {
    return [...this.#endpoints.values()].includes(endpoint)
  }

  #processAt(from: NodeId, id: NodeId): string {
    if (this.#routes.size === 0) return id
    return this.#routes.get(this.#directionKeys.of(from, id)) ?? id
  }

  setPeers(process: string, peers: ReadonlyMap<NodeId, string>): void {
    const endpoint = this.#endpoints.get(process)
    if (endpoint === undefined) return
    const id = idOf(process)
    for (const peer of endpoint.peers.keys())
      if (!peers.has(peer) && peer !== id && this.#processAt(peer, id) === process)
        this.#disconnect(this.#link(id, peer), 'it is no longer a peer')
    endpoint.peers = new Map(peers)
    for (const peer of peers.keys()) if (peer !== id) this.#reconnectLater(this.#link(id, peer))
  }

  send(process: string, to: NodeId, message: PeerMessage): boolean {
    const from = idOf(process)
    const link = this.#link(from, to)
    const direction = this.#direction(from, to)
    if (!link.isConnected || this.#processAt(to, from) !== process || !direction.fits(message)) return false
    Object.freeze(message)
    this.#observer.sent(process, to, message)
    if (direction.isCut) {
      this.#observer.lost(from, to, message, 'cut')
      return true
    }
    if (!direction.passes(message) || this.#random.chance(this.conditions.lossPerMille)) {
      this.#observer.lost(from, to, message, 'loss')
      return true
    }
    const copies = this.#random.chance(this.conditions.duplicatePerMille) ? 2 : 1
    for (let copy = 0; copy < copies; copy++) this.#dispatch(link, from, to, message)
    if (this.#random.chance(this.conditions.stalePerMille))
      this.#time.after(this.#random.below(STALE_DELAY_MAX_US), () => {
        if (!this.#isHealed) this.#deliver(from, to, message)
      })
    return true
  }

  /** Starts a transfer of snapshot bytes from `to` to `from`; it fails when the connection ends or the signal is aborted. */
  openTransfer(process: string, to: NodeId, signal: AbortSignal): Transfer {
    const from = idOf(process)
    const link = this.#link(from, to)
    const delay: Transfer['delay'] = async (clock) => {
      await clock.pass(this.#delayUs())
      if (!link.isConnected || this.#processAt(to, from) !== process || this.isCut(from, to) || this.isCut(to, from))
        throw unreachable(from, to)
    }
    return link.openTransfer(from, to, delay, signal)
  }

  #dispatch(link: Link, from: NodeId, to: NodeId, message: PeerMessage): void {
    const { session } = link
    const direction = this.#direction(from, to)
    const arrivalUs = direction.depart(message, this.#time.nowUs + this.#delayUs(), this.conditions.isOrdered)
    this.#time.at(arrivalUs, () => {
      direction.arrive(message)
      if (link.isCurrent(session)) this.#deliver(from, to, message)
      else this.#observer.lost(from, to, message, 'down')
    })
  }

  #deliver(from: NodeId, to: NodeId, message: PeerMessage): void {
    const process = this.#processAt(from, to)
    const endpoint = this.#endpoints.get(process)
    if (this.isCut(from, to) || endpoint === undefined) {
      this.#observer.lost(from, to, message, endpoint === undefined ? 'down' : 'cut')
      return
    }
    endpoint.clock.run(() => {
      if (this.#endpoints.get(process) !== endpoint) return
      this.#observer.delivered(from, process, message)
      endpoint.host.receive(from, message)
    })
  }

  #delayUs(): number {
    return drawDelayUs(this.conditions, this.#random)
  }

  #direction(from: NodeId, to: NodeId): LinkDirection {
    const key = this.#directionKeys.of(from, to)
    let direction = this.#directions.get(key)
    if (direction === undefined) {
      direction = new LinkDirection()
      this.#directions.set(key, direction)
    }
    return direction
  }

  #link(one: NodeId, other: NodeId): Link {
    const key = one < other ? this.#linkKeys.of(one, other) : this.#linkKeys.of(other, one)
    let link = this.#links.get(key)
    if (link === undefined) {
      link = one < other ? new Link(one, other) : new Link(other, one)
      this.#links.set(key, link)
    }
    return link
  }

  #reconnectLater(link: Link): void {
    if (link.isConnected) return
    this.#time.after(this.#random.between(RECONNECT_US / 10, RECONNECT_US), () => this.#connect(link))
  }

  /** Connects after a handshake of both endpoints; a rejected endpoint retries later. */
  #connect(link: Link): void {
    const { a, b } = link
    const one = this.endpointAt(b, a)
    const other = this.endpointAt(a, b)
    if (link.isConnected) return
    const ids = [...this.#endpoints.keys()]
    if (
      (one !== undefined && reachesWrongNode(one, b, ids)) ||
      (other !== undefined && reachesWrongNode(other, a, ids))
    ) {
      this.#time.after(10 * RECONNECT_US, () => this.#connect(link))
      return
    }
    if (one === undefined || other === undefined) return
    if (!one.peers.has(b) && !other.peers.has(a)) return
    if (this.isCut(a, b) || this.isCut(b, a)) return
    if (one.clock.isPaused || other.clock.isPaused) {
      this.#reconnectLater(link)
      return
    }
    if (!handshake([a, one], [b, other])) {
      this.#time.after(10 * RECONNECT_US, () => this.#connect(link))
      return
    }
    // A host may close its endpoint during any of these calls.
    if (this.endpointAt(b, a) !== one || this.endpointAt(a, b) !== other) return
    link.connect()
    this.#observer.connected?.(one, b, other)
    this.#observer.connected?.(other, a, one)
    one.host.peerConnected(b)
    if (link.isConnected) other.host.peerConnected(a)
  }

  #disconnect(link: Link, reason: string): void {
    if (!link.isConnected) return
    link.disconnect()
    for (const [id, peer] of [
      [link.a, link.b],
      [link.b, link.a],
    ] as const) {
      const endpoint = this.endpointAt(peer, id)
      endpoint?.clock.run(() => {
        if (this.#isAttached(endpoint)) endpoint.host.peerLost(peer, reason)
      })
    }
    this.#reconnectLater(link)
  }
}
