/** A false network: it delays, loses, duplicates and reorders messages and cuts links, all of it drawn from one seed. */
import type { PeerIdentity, PeerMessage, Refusal, TransportHost } from '../../contracts/transport.ts'
import type { NodeId } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'
import type { SeededRandom } from './random.ts'
import type { NodeClock, VirtualTime } from './virtual-clock.ts'

/** How messages travel. Chances are per thousand. */
export interface Weather {
  readonly delayMinUs: number
  readonly delayMaxUs: number
  readonly lossPerMille: number
  readonly duplicatePerMille: number
  /** Messages that take ten times as long (and, with `isOrdered`, hold up those behind them). */
  readonly slowPerMille: number
  /** Messages of which one more copy arrives seconds later, whatever became of the connection. */
  readonly stalePerMille: number
  /** Whether the messages of one direction of a link keep their order, as on one stream. */
  readonly isOrdered: boolean
}

export const FAIR_WEATHER: Weather = {
  delayMinUs: 200,
  delayMaxUs: 2000,
  lossPerMille: 0,
  duplicatePerMille: 0,
  slowPerMille: 0,
  stalePerMille: 0,
  isOrdered: true,
}

/** What the world is told of a message on its way. */
export interface NetworkWatcher {
  sent(from: NodeId, to: NodeId, message: PeerMessage): void
  delivered(from: NodeId, to: NodeId, message: PeerMessage): void
  lost(from: NodeId, to: NodeId, message: PeerMessage, why: 'cut' | 'loss' | 'down'): void
}

export interface Endpoint {
  readonly host: TransportHost
  readonly clock: NodeClock
  peers: ReadonlyMap<NodeId, string>
}

/** One direction of a pair of nodes. */
interface Direction {
  isCut: boolean
  /** Messages of other types are lost. */
  only: PeerMessage['type'] | undefined
  /** The earliest arrival of the next message, when order is kept. */
  arrivalUs: number
  /** On their way. */
  bytes: number
}

/** An unordered pair of nodes: connected, or trying. `session` names one connection; what belonged to an earlier one is gone. */
interface Link {
  readonly a: NodeId
  readonly b: NodeId
  isConnected: boolean
  session: number
  /** Snapshot transfers on this connection, to be told when it breaks. */
  readonly transfers: Set<(error: RaftError) => void>
}

/** The most bytes on their way in one direction; beyond them a message is dropped. */
export const WINDOW_BYTES = 1_048_576
/** What a message takes beside its blocks. */
const MESSAGE_BYTES = 256
const RECONNECT_US = 20_000
/** A stale copy arrives within this. */
const STALE_US = 5_000_000
/** How long it takes an end to notice that a cut link is dead. */
const NOTICE_US = 400_000

/** A network as data; `bytes` are on their way. */
export interface NetworkState {
  readonly weather: Weather
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

export class FalseNetwork {
  readonly #time: VirtualTime
  readonly #random: SeededRandom
  readonly #watcher: NetworkWatcher
  readonly #endpoints = new Map<NodeId, Endpoint>()
  readonly #directions = new Map<string, Direction>()
  readonly #links = new Map<string, Link>()
  weather: Weather
  #isHealed = false

  constructor(time: VirtualTime, random: SeededRandom, watcher: NetworkWatcher, weather: Weather = FAIR_WEATHER) {
    this.#time = time
    this.#random = random
    this.#watcher = watcher
    this.weather = weather
  }

  /** Nothing passes in this one direction any more; what is on its way is lost. */
  cut(from: NodeId, to: NodeId): void {
    const direction = this.#direction(from, to)
    if (direction.isCut) return
    direction.isCut = true
    const link = this.#link(from, to)
    const { session } = link
    this.#time.after(NOTICE_US, () => {
      if (direction.isCut && link.session === session) this.#disconnect(link, 'the link is dead')
    })
  }

  heal(from: NodeId, to: NodeId): void {
    this.#direction(from, to).isCut = false
    this.#tryLater(this.#link(from, to))
  }

  /** Of the messages in this direction only those of this type pass; all of them again with undefined. */
  passOnly(from: NodeId, to: NodeId, type: PeerMessage['type'] | undefined): void {
    this.#direction(from, to).only = type
  }

  /** All links are whole again, and no copy of long ago arrives any more. */
  healAll(): void {
    this.#isHealed = true
    for (const direction of this.#directions.values()) {
      direction.isCut = false
      direction.only = undefined
    }
    for (const link of this.#links.values()) this.#tryLater(link)
  }

  isCut(from: NodeId, to: NodeId): boolean {
    return this.#direction(from, to).isCut
  }

  /** All that is told of the links at one moment, in the order in which they were first used. */
  state(): NetworkState {
    return {
      weather: this.weather,
      links: [...this.#links.values()].map(({ a, b, isConnected, session }) => ({ a, b, isConnected, session })),
      directions: [...this.#directions].map(([way, { isCut, bytes, arrivalUs }]) => ({ way, isCut, bytes, arrivalUs })),
    }
  }

  /** Breaks the connection between two nodes; what is on its way is lost, and they connect again. */
  reset(a: NodeId, b: NodeId): void {
    const link = this.#link(a, b)
    this.#disconnect(link, 'the connection was reset')
    this.#tryLater(link)
  }

  /** A node's end is up: it listens, and links to it are tried. */
  plug(id: NodeId, endpoint: Endpoint): void {
    this.#endpoints.set(id, endpoint)
  }

  /** A node's end is gone (closed, or the process died); its peers notice at once, as from a reset. */
  unplug(id: NodeId): void {
    if (!this.#endpoints.delete(id)) return
    for (const link of this.#links.values())
      if (link.a === id || link.b === id) this.#disconnect(link, `${id} went away`)
  }

  endpointOf(id: NodeId): Endpoint | undefined {
    return this.#endpoints.get(id)
  }

  setPeers(id: NodeId, peers: ReadonlyMap<NodeId, string>): void {
    const endpoint = this.#endpoints.get(id)
    if (endpoint === undefined) return
    for (const peer of endpoint.peers.keys())
      if (!peers.has(peer) && peer !== id) this.#disconnect(this.#link(id, peer), 'no peer any more')
    endpoint.peers = new Map(peers)
    for (const peer of peers.keys()) if (peer !== id) this.#tryLater(this.#link(id, peer))
  }

  send(from: NodeId, to: NodeId, message: PeerMessage): boolean {
    const link = this.#link(from, to)
    const direction = this.#direction(from, to)
    const size = sizeOf(message)
    if (!link.isConnected || (direction.bytes > 0 && direction.bytes + size > WINDOW_BYTES)) return false
    Object.freeze(message)
    this.#watcher.sent(from, to, message)
    if (direction.isCut) {
      this.#watcher.lost(from, to, message, 'cut')
      return true
    }
    if ((direction.only ?? message.type) !== message.type || this.#random.chance(this.weather.lossPerMille)) {
      this.#watcher.lost(from, to, message, 'loss')
      return true
    }
    const copies = this.#random.chance(this.weather.duplicatePerMille) ? 2 : 1
    for (let copy = 0; copy < copies; copy++) this.#dispatch(link, from, to, message)
    if (this.#random.chance(this.weather.stalePerMille))
      this.#time.after(this.#random.below(STALE_US), () => {
        if (!this.#isHealed) this.#deliver(from, to, message)
      })
    return true
  }

  /** Begins a transfer of snapshot bytes: it breaks with the connection, or by the signal. */
  openTransfer(from: NodeId, to: NodeId, signal: AbortSignal): Transfer {
    const link = this.#link(from, to)
    let fail: (error: unknown) => void = () => {}
    const broken = new Promise<never>((_, reject) => {
      fail = reject
    })
    broken.catch(() => {})
    const onAbort = (): void => fail(signal.reason)
    link.transfers.add(fail)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    if (!link.isConnected) fail(unreachable(from, to))
    return {
      broken,
      fail,
      travel: async (clock) => {
        await clock.pass(this.#delayUs())
        if (!link.isConnected || this.isCut(from, to) || this.isCut(to, from)) throw unreachable(from, to)
      },
      close: () => {
        link.transfers.delete(fail)
        signal.removeEventListener('abort', onAbort)
      },
    }
  }

  #dispatch(link: Link, from: NodeId, to: NodeId, message: PeerMessage): void {
    const { session } = link
    const direction = this.#direction(from, to)
    let arrivalUs = this.#time.nowUs + this.#delayUs()
    if (this.weather.isOrdered) {
      arrivalUs = Math.max(arrivalUs, direction.arrivalUs)
      direction.arrivalUs = arrivalUs
    }
    const size = sizeOf(message)
    direction.bytes += size
    this.#time.at(arrivalUs, () => {
      direction.bytes -= size
      if (link.isConnected && link.session === session) this.#deliver(from, to, message)
      else this.#watcher.lost(from, to, message, 'down')
    })
  }

  #deliver(from: NodeId, to: NodeId, message: PeerMessage): void {
    const endpoint = this.#endpoints.get(to)
    if (this.isCut(from, to) || endpoint === undefined) {
      this.#watcher.lost(from, to, message, endpoint === undefined ? 'down' : 'cut')
      return
    }
    endpoint.clock.run(() => {
      if (this.#endpoints.get(to) !== endpoint) return
      this.#watcher.delivered(from, to, message)
      endpoint.host.receive(from, message)
    })
  }

  #delayUs(): number {
    const { delayMinUs, delayMaxUs, slowPerMille } = this.weather
    const delayUs = this.#random.between(delayMinUs, delayMaxUs + 1)
    return this.#random.chance(slowPerMille) ? 10 * delayUs : delayUs
  }

  #direction(from: NodeId, to: NodeId): Direction {
    const key = `${from}>${to}`
    let direction = this.#directions.get(key)
    if (direction === undefined) {
      direction = { isCut: false, only: undefined, arrivalUs: 0, bytes: 0 }
      this.#directions.set(key, direction)
    }
    return direction
  }

  #link(one: NodeId, other: NodeId): Link {
    const [a, b] = one < other ? [one, other] : [other, one]
    const key = `${a}-${b}`
    let link = this.#links.get(key)
    if (link === undefined) {
      link = { a, b, isConnected: false, session: 0, transfers: new Set() }
      this.#links.set(key, link)
    }
    return link
  }

  #tryLater(link: Link): void {
    if (link.isConnected) return
    this.#time.after(this.#random.between(RECONNECT_US / 10, RECONNECT_US), () => this.#connect(link))
  }

  /** Who looks for a peer where somebody else is, is told so. */
  #isMisled(endpoint: Endpoint, peer: NodeId): boolean {
    const address = endpoint.peers.get(peer)
    const found = [...this.#endpoints].find(([id]) => addressOf(id) === address)?.[0]
    if (found === undefined || found === peer) return false
    const message = `${address} is ${found}, not ${peer}`
    endpoint.host.refusedBy(peer, { code: 'ERR_RAFT_NODE_MISMATCH', message })
    return true
  }

  /** Both ends show their identity before anything else; one that is refused tries again later. */
  #connect(link: Link): void {
    const { a, b } = link
    const one = this.#endpoints.get(a)
    const other = this.#endpoints.get(b)
    if (link.isConnected) return
    if ((one !== undefined && this.#isMisled(one, b)) || (other !== undefined && this.#isMisled(other, a))) {
      this.#time.after(10 * RECONNECT_US, () => this.#connect(link))
      return
    }
    if (one === undefined || other === undefined) return
    if (!one.peers.has(b) && !other.peers.has(a)) return
    if (this.isCut(a, b) || this.isCut(b, a)) return
    if (one.clock.isPaused || other.clock.isPaused) {
      this.#tryLater(link)
      return
    }
    const refusals = [this.#admit(one, other.host.identity, b), this.#admit(other, one.host.identity, a)]
    if (refusals.some((refusal) => refusal !== undefined)) {
      if (refusals[0] !== undefined) other.host.refusedBy(a, refusals[0])
      if (refusals[1] !== undefined) one.host.refusedBy(b, refusals[1])
      this.#time.after(10 * RECONNECT_US, () => this.#connect(link))
      return
    }
    link.isConnected = true
    link.session++
    one.host.peerConnected(b)
    other.host.peerConnected(a)
  }

  #admit(endpoint: Endpoint, identity: PeerIdentity, as: NodeId): Refusal | undefined {
    if (identity.nodeId !== as)
      return { code: 'ERR_RAFT_NODE_MISMATCH', message: `${as} calls itself ${identity.nodeId}` }
    return endpoint.host.admit(identity)
  }

  #disconnect(link: Link, reason: string): void {
    if (!link.isConnected) return
    link.isConnected = false
    link.session++
    for (const fail of link.transfers) fail(unreachable(link.a, link.b))
    for (const [id, peer] of [
      [link.a, link.b],
      [link.b, link.a],
    ] as const) {
      const endpoint = this.#endpoints.get(id)
      endpoint?.clock.run(() => {
        if (this.#endpoints.get(id) === endpoint) endpoint.host.peerLost(peer, reason)
      })
    }
    this.#tryLater(link)
  }
}

function sizeOf(message: PeerMessage): number {
  if (message.type !== 'AppendEntriesRequest') return MESSAGE_BYTES
  return message.blocks.reduce((bytes, block) => bytes + block.size, MESSAGE_BYTES)
}

/** One transfer of snapshot bytes. */
export interface Transfer {
  /** Rejects when the connection breaks or the signal is aborted. */
  readonly broken: Promise<never>
  /** Breaks it. */
  fail(error: unknown): void
  /** Waits as long as a message takes; rejects if it cannot pass. */
  travel(clock: NodeClock): Promise<void>
  close(): void
}

/** Where a node is reached. */
export function addressOf(id: NodeId): string {
  return `sim:${id}`
}

export function unreachable(one: NodeId, other: NodeId): RaftError {
  return new RaftError('ERR_RAFT_UNREACHABLE', `the link between ${one} and ${other} is broken`, {
    hint: 'It is tried again by itself.',
  })
}
