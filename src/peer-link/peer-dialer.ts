/** Keeps one outgoing stream to a peer open: connects at one of its addresses, sends a hello, and retries after a loss, a rejection or a timeout. */
import type { Caller } from '../access/caller.ts'
import type { Refusal, TransportHost } from '../contracts/transport.ts'
import type { NodeId } from '../core/types.ts'
import { isRaftError } from '../errors.ts'
import type { Frame, Hello } from './frames.ts'
import { checkHello, makeHello } from './handshake.ts'
import type { PeerLinkLimits } from './limits.ts'
import type { PeerCall, PeerConnector } from './peer-call.ts'
import type { PeerLink } from './peer-link.ts'
import { PeerStream } from './peer-stream.ts'

export interface PeerDialerParts {
  readonly peer: NodeId
  /** The addresses of the peer, in the order to try; at least one. */
  readonly addresses: readonly string[]
  /** The address at which peers reach this node. */
  readonly ownAddress: string
  readonly host: TransportHost
  readonly link: PeerLink
  readonly connector: PeerConnector
  readonly limits: PeerLinkLimits
  /** Why what answers is not the node that its hello names, or undefined. */
  readonly identityRefusal: (caller: Caller, hello: Hello) => Refusal | undefined
}

/** Has one call at a time. A round tries every address once, beginning with the one that worked last, and then pauses. */
export class PeerDialer {
  readonly #parts: PeerDialerParts
  #addresses: readonly string[]
  /** The address in use. */
  #address: string
  #reachedAddress: string | undefined
  #stream: PeerStream | undefined
  #timer: NodeJS.Timeout | undefined
  #isPausing = false
  /** Addresses tried in this round, and how many of these attempts ended with a rejection. */
  #tried = 0
  #rejected = 0
  #failures = 0
  #rejections = 0
  #wasRejected = false
  readonly #closing = new AbortController()

  constructor(parts: PeerDialerParts) {
    this.#parts = parts
    this.#addresses = parts.addresses
    this.#address = parts.addresses[0] as string
    parts.host.peerReached(parts.peer, undefined)
    void this.#dial()
  }

  /** Where the peer was reached last; undefined if it answers at none of its addresses. */
  get reachedAddress(): string | undefined {
    return this.#reachedAddress
  }

  /** Returns false if this dialer must be replaced: the peer has a new first address, or the one in use is neither its own nor works. */
  setAddresses(addresses: readonly string[]): boolean {
    const hasMoved = addresses[0] !== this.#addresses[0] && addresses[0] !== this.#address
    const isKnown = addresses.includes(this.#address) || this.#reachedAddress === this.#address
    if (hasMoved || !isKnown) return false
    const added = addresses.find((address) => !this.#addresses.includes(address))
    this.#addresses = addresses
    if (this.#isPausing && added !== undefined) {
      this.#use(added)
      this.retryNow()
    }
    return true
  }

  /** Ends the pause between two rounds: the peer is known to run. */
  retryNow(): void {
    if (this.#isPausing) this.#setTimer(() => void this.#dial(), 0)
  }

  /** One of the two nodes has rejected the other: the next attempt waits longer. */
  onRejected(): void {
    this.#wasRejected = true
  }

  close(): void {
    this.#closing.abort()
    clearTimeout(this.#timer)
    this.#parts.link.closeDialled('no longer connected to this address')
    this.#stream?.end('cancelled', 'closed')
    this.#parts.connector.reset()
  }

  /** Never rejects. */
  async #dial(): Promise<void> {
    const { signal } = this.#closing
    this.#isPausing = false
    let call: PeerCall
    try {
      call = await this.#parts.connector.open(this.#address, signal)
    } catch (error) {
      if (signal.aborted || !isRaftError(error)) return this.#onFailed()
      this.onRejected()
      this.#onFailed()
      return this.#parts.host.refusedBy(this.#parts.peer, { code: error.code, message: error.message })
    }
    if (signal.aborted) call.end('cancelled', 'closed')
    else this.#openStream(call)
  }

  #openStream(call: PeerCall): void {
    const { peer, host, limits, ownAddress } = this.#parts
    const address = this.#address
    const stream = new PeerStream(call, limits, {
      onFrame: (frame) => this.#onFirstFrame(stream, frame, call.caller),
      onEnd: () => this.#onFailed(),
      onMalformed: (refusal) => this.#reject(stream, refusal),
    })
    this.#stream = stream
    this.#setTimer(() => this.#onHandshakeTimeout(stream), limits.handshakeTimeoutMs)
    stream.writeNow({ type: 'hello', hello: makeHello(host, ownAddress, peer, address) })
  }

  #onFirstFrame(stream: PeerStream, frame: Frame, caller: Caller): void {
    const { peer, host, link, identityRefusal } = this.#parts
    if (frame.type === 'refusal') {
      this.onRejected()
      stream.end('done', '')
      this.#onFailed()
      return host.refusedBy(peer, frame.refusal)
    }
    if (frame.type === 'messages')
      return this.#reject(stream, { code: 'ERR_RAFT_BAD_MESSAGE', message: 'messages before a hello' })
    const stranger = identityRefusal(caller, frame.hello)
    if (stranger !== undefined) host.refusedBy(peer, stranger)
    const refusal = stranger ?? checkHello(host, frame.hello, peer) ?? link.identityConflict(frame.hello)
    if (refusal !== undefined) return this.#reject(stream, refusal)
    clearTimeout(this.#timer)
    this.#tried = 0
    this.#rejected = 0
    this.#failures = 0
    this.#wasRejected = false
    this.#reachedAddress = this.#address
    link.attach('dialled', { stream, hello: frame.hello, onEnded: () => this.#pause() })
    host.peerReached(peer, this.#address)
  }

  #reject(stream: PeerStream, refusal: Refusal): void {
    stream.reject(refusal)
    this.onRejected()
    this.#onFailed()
  }

  /** No hello in time: the connection hangs, unless it is still being opened. */
  #onHandshakeTimeout(stream: PeerStream): void {
    const { connector, limits } = this.#parts
    if (connector.isConnecting && this.#addresses.length === 1)
      return this.#setTimer(() => this.#onHandshakeTimeout(stream), limits.handshakeTimeoutMs)
    stream.end('cancelled', 'no hello in time')
    connector.reset()
    this.#onFailed()
  }

  /** The attempt failed: tries the next address, or pauses after the last one. */
  #onFailed(): void {
    if (this.#closing.signal.aborted) return
    if (this.#wasRejected) this.#rejected++
    this.#tried++
    if (this.#addresses.length > 1) {
      const offset = this.#addresses.indexOf(this.#address)
      this.#use(this.#addresses[(offset + 1) % this.#addresses.length] as string)
    }
    if (this.#tried < this.#addresses.length) {
      this.#wasRejected = false
      return this.#setTimer(() => void this.#dial(), 0)
    }
    this.#reachedAddress = undefined
    this.#parts.host.peerReached(this.#parts.peer, undefined)
    // A peer that is down at one of its addresses may come back there soon, whatever answers at the others.
    this.#wasRejected = this.#rejected >= this.#tried
    this.#pause()
  }

  #use(address: string): void {
    if (address === this.#address) return
    this.#address = address
    this.#parts.connector.reset()
  }

  #pause(): void {
    clearTimeout(this.#timer)
    this.#tried = 0
    this.#rejected = 0
    if (this.#closing.signal.aborted) return
    this.#setTimer(() => void this.#dial(), this.#retryDelayMs())
    this.#isPausing = true
  }

  /** Exponential backoff with jitter (75–100 %), so that nodes that lost each other together do not reconnect together. */
  #retryDelayMs(): number {
    const { limits } = this.#parts
    const pause = this.#wasRejected
      ? Math.min(limits.refusalPauseMinMs * 2 ** this.#rejections++, limits.refusalPauseMaxMs)
      : Math.min(limits.reconnectMinMs * 2 ** this.#failures++, limits.reconnectMaxMs)
    if (!this.#wasRejected) this.#rejections = 0
    this.#wasRejected = false
    return pause * (0.75 + Math.random() / 4)
  }

  #setTimer(callback: () => void, ms: number): void {
    clearTimeout(this.#timer)
    this.#isPausing = false
    this.#timer = setTimeout(callback, ms)
  }
}
