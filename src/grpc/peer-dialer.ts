/** Keeps a stream to one peer open: connects, greets, and begins again after a loss, a refusal, or a silence. */
import type { ChannelCredentials, ClientDuplexStream } from '@grpc/grpc-js'
import { Client, connectivityState, Metadata, status } from '@grpc/grpc-js'
import type { Refusal, TransportHost } from '../contracts/transport.ts'
import type { NodeId } from '../core/types.ts'
import type { Frame } from './codec.ts'
import { greeting, judge } from './handshake.ts'
import { dialledCall } from './peer-call.ts'
import type { PeerLink } from './peer-link.ts'
import { peerProto } from './peer-proto.ts'
import { PeerStream } from './peer-stream.ts'
import { reach } from './reach.ts'
import type { GrpcTransportLimits } from './transport-options.ts'
import { channelOptions } from './transport-options.ts'

export interface PeerDialerParts {
  readonly peer: NodeId
  readonly address: string
  /** What this node gives as its own address. */
  readonly ownAddress: string
  readonly host: TransportHost
  readonly link: PeerLink
  readonly credentials: ChannelCredentials
  readonly limits: GrpcTransportLimits
}

/**
 * One channel for life, and on it one call: greeting, or established, or pending, since grpc-js reconnects only while a call waits
 * for it. A channel that hangs is replaced; no call is made before the peer's port is known to be open.
 */
export class PeerDialer {
  readonly #parts: PeerDialerParts
  #client: Client | undefined
  #stream: PeerStream | undefined
  #timer: NodeJS.Timeout | undefined
  #failures = 0
  #refusals = 0
  #isRefused = false
  readonly #closing = new AbortController()

  constructor(parts: PeerDialerParts) {
    this.#parts = parts
    void this.#dial()
  }

  get address(): string {
    return this.#parts.address
  }

  /** The peer has turned this node away, or the other way round: the next attempt waits longer. */
  refused(): void {
    this.#isRefused = true
  }

  close(): void {
    this.#closing.abort()
    clearTimeout(this.#timer)
    this.#parts.link.hangUp('no longer connected to this address')
    this.#stream?.end(status.CANCELLED, 'closed')
    this.#client?.close()
  }

  /** Never rejects. */
  async #dial(): Promise<void> {
    const { address, limits } = this.#parts
    const { signal } = this.#closing
    try {
      if (!this.#isReady) await reach({ address, timeoutMs: limits.handshakeTimeoutMs, signal })
    } catch {
      return this.#again()
    }
    if (!signal.aborted) this.#greet()
  }

  get #isReady(): boolean {
    return this.#client?.getChannel().getConnectivityState(false) === connectivityState.READY
  }

  #greet(): void {
    const { peer, address, host, credentials, limits, ownAddress } = this.#parts
    this.#client ??= new Client(address, credentials, channelOptions(limits))
    const stream = new PeerStream(dialledCall(open(this.#client)), limits, {
      onFrame: (frame) => this.#onGreeting(stream, frame),
      onEnd: () => this.#again(),
      onMalformed: (refusal) => this.#turnAway(stream, refusal),
    })
    this.#stream = stream
    this.#watch(() => this.#onSilence(stream), limits.handshakeTimeoutMs)
    stream.say({ type: 'hello', hello: greeting(host, ownAddress, peer) })
  }

  #onGreeting(stream: PeerStream, frame: Frame): void {
    const { peer, host, link } = this.#parts
    if (frame.type === 'refusal') {
      this.refused()
      stream.end(status.OK, '')
      this.#again()
      return host.refusedBy(peer, frame.refusal)
    }
    if (frame.type === 'messages')
      return this.#turnAway(stream, { code: 'ERR_RAFT_BAD_MESSAGE', message: 'messages before a greeting' })
    const refusal = judge(host, frame.hello, peer) ?? link.conflict(frame.hello)
    if (refusal !== undefined) return this.#turnAway(stream, refusal)
    clearTimeout(this.#timer)
    this.#failures = 0
    this.#isRefused = false
    link.attach('dialled', { stream, hello: frame.hello, ended: () => this.#again() })
  }

  #turnAway(stream: PeerStream, refusal: Refusal): void {
    stream.refuse(refusal)
    this.refused()
    this.#again()
  }

  /** No greeting in time. A channel that says it cannot connect goes on trying by itself; any other hangs, and is replaced. */
  #onSilence(stream: PeerStream): void {
    const { handshakeTimeoutMs } = this.#parts.limits
    const state = this.#client?.getChannel().getConnectivityState(false)
    if (state === connectivityState.TRANSIENT_FAILURE)
      return this.#watch(() => this.#onSilence(stream), handshakeTimeoutMs)
    stream.end(status.CANCELLED, 'no greeting came')
    this.#client?.close()
    this.#client = undefined
    this.#again()
  }

  #again(): void {
    clearTimeout(this.#timer)
    if (!this.#closing.signal.aborted) this.#watch(() => void this.#dial(), this.#pauseMs())
  }

  /** Spread, so that nodes that lost each other at once do not come back at once. */
  #pauseMs(): number {
    const { limits } = this.#parts
    const pause = this.#isRefused
      ? Math.min(limits.refusalPauseMinMs * 2 ** this.#refusals++, limits.refusalPauseMaxMs)
      : Math.min(limits.reconnectMinMs * 2 ** this.#failures++, limits.reconnectMaxMs)
    if (!this.#isRefused) this.#refusals = 0
    this.#isRefused = false
    return pause * (0.75 + Math.random() / 4)
  }

  #watch(callback: () => void, ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(callback, ms)
  }
}

function open(client: Client): ClientDuplexStream<Buffer, Buffer> {
  const { link } = peerProto()
  const metadata = new Metadata({ waitForReady: true })
  return client.makeBidiStreamRequest(link.path, link.requestSerialize, link.responseDeserialize, metadata)
}
