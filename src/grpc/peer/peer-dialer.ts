/** Keeps one outgoing stream to a peer open: connects at one of its addresses, sends a hello, and retries after a loss, a rejection or a timeout. */
import type { ChannelCredentials, ClientDuplexStream } from '@grpc/grpc-js'
import { Client, connectivityState, Metadata, status } from '@grpc/grpc-js'
import type { Refusal, TransportHost } from '../../contracts/transport.ts'
import type { NodeId } from '../../core/types.ts'
import type { Frame } from './codec.ts'
import { checkHello, makeHello } from './handshake.ts'
import { dialledCall } from './peer-call.ts'
import type { PeerLink } from './peer-link.ts'
import { peerProto } from './peer-proto.ts'
import { PeerStream } from './peer-stream.ts'
import { probeTcp } from './tcp-probe.ts'
import type { GrpcTransportLimits } from './transport-options.ts'
import { channelOptions } from './transport-options.ts'

export interface PeerDialerParts {
  readonly peer: NodeId
  /** The addresses of the peer, in the order to try; at least one. */
  readonly addresses: readonly string[]
  /** The address at which peers reach this node. */
  readonly ownAddress: string
  readonly host: TransportHost
  readonly link: PeerLink
  readonly credentials: ChannelCredentials
  readonly limits: GrpcTransportLimits
}

/**
 * Uses one channel, and on it one call at a time. The call may be pending: grpc-js reconnects only while a call waits for the
 * connection. A channel that hangs is replaced. No call is made before a TCP probe of the peer's port has succeeded.
 *
 * A round tries every address once, beginning with the one that worked last, and then pauses.
 */
export class PeerDialer {
  readonly #parts: PeerDialerParts
  #addresses: readonly string[]
  /** The address in use. */
  #address: string
  #reachedAddress: string | undefined
  #client: Client | undefined
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
    this.#stream?.end(status.CANCELLED, 'closed')
    this.#client?.close()
  }

  /** Never rejects. */
  async #dial(): Promise<void> {
    const { limits } = this.#parts
    const { signal } = this.#closing
    this.#isPausing = false
    try {
      if (!this.#isReady) await probeTcp({ address: this.#address, timeoutMs: limits.handshakeTimeoutMs, signal })
    } catch {
      return this.#onFailed()
    }
    if (!signal.aborted) this.#openStream()
  }

  get #isReady(): boolean {
    return this.#client?.getChannel().getConnectivityState(false) === connectivityState.READY
  }

  #openStream(): void {
    const { peer, host, credentials, limits, ownAddress } = this.#parts
    const address = this.#address
    this.#client ??= new Client(address, credentials, channelOptions(limits))
    const stream = new PeerStream(dialledCall(openCall(this.#client)), limits, {
      onFrame: (frame) => this.#onFirstFrame(stream, frame),
      onEnd: () => this.#onFailed(),
      onMalformed: (refusal) => this.#reject(stream, refusal),
    })
    this.#stream = stream
    this.#setTimer(() => this.#onHandshakeTimeout(stream), limits.handshakeTimeoutMs)
    stream.writeNow({ type: 'hello', hello: makeHello(host, ownAddress, peer, address) })
  }

  #onFirstFrame(stream: PeerStream, frame: Frame): void {
    const { peer, host, link } = this.#parts
    if (frame.type === 'refusal') {
      this.onRejected()
      stream.end(status.OK, '')
      this.#onFailed()
      return host.refusedBy(peer, frame.refusal)
    }
    if (frame.type === 'messages')
      return this.#reject(stream, { code: 'ERR_RAFT_BAD_MESSAGE', message: 'messages before a hello' })
    const refusal = checkHello(host, frame.hello, peer) ?? link.identityConflict(frame.hello)
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

  /** No hello in time. A channel in TRANSIENT_FAILURE keeps retrying by itself; in any other state it hangs, and is replaced. */
  #onHandshakeTimeout(stream: PeerStream): void {
    const { handshakeTimeoutMs } = this.#parts.limits
    const state = this.#client?.getChannel().getConnectivityState(false)
    if (state === connectivityState.TRANSIENT_FAILURE && this.#addresses.length === 1)
      return this.#setTimer(() => this.#onHandshakeTimeout(stream), handshakeTimeoutMs)
    stream.end(status.CANCELLED, 'no hello in time')
    this.#closeClient()
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
    this.#closeClient()
  }

  #closeClient(): void {
    this.#client?.close()
    this.#client = undefined
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

function openCall(client: Client): ClientDuplexStream<Buffer, Buffer> {
  const { link } = peerProto()
  const metadata = new Metadata({ waitForReady: true })
  return client.makeBidiStreamRequest(link.path, link.requestSerialize, link.responseDeserialize, metadata)
}
