/** Keeps one outgoing stream to a peer open: connects, sends a hello, and retries after a loss, a rejection or a timeout. */
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
  readonly address: string
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
 */
export class PeerDialer {
  readonly #parts: PeerDialerParts
  #client: Client | undefined
  #stream: PeerStream | undefined
  #timer: NodeJS.Timeout | undefined
  #failures = 0
  #rejections = 0
  #wasRejected = false
  readonly #closing = new AbortController()

  constructor(parts: PeerDialerParts) {
    this.#parts = parts
    void this.#dial()
  }

  get address(): string {
    return this.#parts.address
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
    const { address, limits } = this.#parts
    const { signal } = this.#closing
    try {
      if (!this.#isReady) await probeTcp({ address, timeoutMs: limits.handshakeTimeoutMs, signal })
    } catch {
      return this.#retryLater()
    }
    if (!signal.aborted) this.#openStream()
  }

  get #isReady(): boolean {
    return this.#client?.getChannel().getConnectivityState(false) === connectivityState.READY
  }

  #openStream(): void {
    const { peer, address, host, credentials, limits, ownAddress } = this.#parts
    this.#client ??= new Client(address, credentials, channelOptions(limits))
    const stream = new PeerStream(dialledCall(openCall(this.#client)), limits, {
      onFrame: (frame) => this.#onFirstFrame(stream, frame),
      onEnd: () => this.#retryLater(),
      onMalformed: (refusal) => this.#reject(stream, refusal),
    })
    this.#stream = stream
    this.#setTimer(() => this.#onHandshakeTimeout(stream), limits.handshakeTimeoutMs)
    stream.writeNow({ type: 'hello', hello: makeHello(host, ownAddress, peer) })
  }

  #onFirstFrame(stream: PeerStream, frame: Frame): void {
    const { peer, host, link } = this.#parts
    if (frame.type === 'refusal') {
      this.onRejected()
      stream.end(status.OK, '')
      this.#retryLater()
      return host.refusedBy(peer, frame.refusal)
    }
    if (frame.type === 'messages')
      return this.#reject(stream, { code: 'ERR_RAFT_BAD_MESSAGE', message: 'messages before a hello' })
    const refusal = checkHello(host, frame.hello, peer) ?? link.identityConflict(frame.hello)
    if (refusal !== undefined) return this.#reject(stream, refusal)
    clearTimeout(this.#timer)
    this.#failures = 0
    this.#wasRejected = false
    link.attach('dialled', { stream, hello: frame.hello, onEnded: () => this.#retryLater() })
  }

  #reject(stream: PeerStream, refusal: Refusal): void {
    stream.reject(refusal)
    this.onRejected()
    this.#retryLater()
  }

  /** No hello in time. A channel in TRANSIENT_FAILURE keeps retrying by itself; in any other state it hangs, and is replaced. */
  #onHandshakeTimeout(stream: PeerStream): void {
    const { handshakeTimeoutMs } = this.#parts.limits
    const state = this.#client?.getChannel().getConnectivityState(false)
    if (state === connectivityState.TRANSIENT_FAILURE)
      return this.#setTimer(() => this.#onHandshakeTimeout(stream), handshakeTimeoutMs)
    stream.end(status.CANCELLED, 'no hello in time')
    this.#client?.close()
    this.#client = undefined
    this.#retryLater()
  }

  #retryLater(): void {
    clearTimeout(this.#timer)
    if (!this.#closing.signal.aborted) this.#setTimer(() => void this.#dial(), this.#retryDelayMs())
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
    this.#timer = setTimeout(callback, ms)
  }
}

function openCall(client: Client): ClientDuplexStream<Buffer, Buffer> {
  const { link } = peerProto()
  const metadata = new Metadata({ waitForReady: true })
  return client.makeBidiStreamRequest(link.path, link.requestSerialize, link.responseDeserialize, metadata)
}
