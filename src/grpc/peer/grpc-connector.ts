/** Opens the calls to one peer over gRPC. */
import type { ChannelCredentials } from '@grpc/grpc-js'
import { Client, connectivityState, Metadata } from '@grpc/grpc-js'
import { probe } from '../../peer-link/connect-socket.ts'
import type { PeerCall, PeerConnector } from '../../peer-link/peer-call.ts'
import type { SharedSecret } from '../../peer-link/secret-tls.ts'
import type { TlsOptions } from '../../peer-link/tls-options.ts'
import { dialledCall } from './peer-call.ts'
import { peerProto } from './peer-proto.ts'
import type { GrpcTransportLimits } from './transport-options.ts'
import { channelOptions } from './transport-options.ts'

/**
 * Uses one channel, and on it one call at a time. The call may be pending: grpc-js reconnects only while a call waits for the
 * connection. No call is made before a probe of the peer's port has succeeded.
 */
export class GrpcConnector implements PeerConnector {
  readonly #credentials: ChannelCredentials
  readonly #limits: GrpcTransportLimits
  readonly #tls: TlsOptions | SharedSecret | undefined
  #client: Client | undefined

  constructor(
    credentials: ChannelCredentials,
    limits: GrpcTransportLimits,
    tls: TlsOptions | SharedSecret | undefined,
  ) {
    this.#credentials = credentials
    this.#limits = limits
    this.#tls = tls
  }

  async open(address: string, signal: AbortSignal): Promise<PeerCall> {
    const { handshakeTimeoutMs } = this.#limits
    if (this.#state !== connectivityState.READY)
      await probe({ address, timeoutMs: handshakeTimeoutMs, tls: this.#tls, signal })
    signal.throwIfAborted()
    this.#client ??= new Client(address, this.#credentials, channelOptions(this.#limits))
    const { link } = peerProto()
    const metadata = new Metadata({ waitForReady: true })
    const { path, requestSerialize, responseDeserialize } = link
    return dialledCall(this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata))
  }

  /** A channel in TRANSIENT_FAILURE keeps retrying by itself; in any other state it hangs. */
  get isConnecting(): boolean {
    return this.#state === connectivityState.TRANSIENT_FAILURE
  }

  reset(): void {
    this.#client?.close()
    this.#client = undefined
  }

  get #state(): connectivityState | undefined {
    return this.#client?.getChannel().getConnectivityState(false)
  }
}
