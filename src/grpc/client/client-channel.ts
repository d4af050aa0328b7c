/** A client's channel to one node over gRPC: proposals and queries share one stream, administration goes by unary calls. */
import type { ChannelOptions, MethodDefinition, ServiceError } from '@grpc/grpc-js'
import { ChannelCredentials, Client, Metadata } from '@grpc/grpc-js'
import type { ClientChannel, ClientChannelFactory } from '../../contracts/client-channel.ts'
import type { Clock } from '../../contracts/clock.ts'
import type { Applied, CallOptions, NodeStatus, ReadMode } from '../../contracts/node-service.ts'
import type { MembershipChange } from '../../core/inputs.ts'
import type { LogIndex, NodeId, SnapshotInfo } from '../../core/types.ts'
import { onAbort } from '../../platform/on-abort.ts'
import { systemClock } from '../../platform/system-clock.ts'
import type { WireSnapshot, WireStatusResponse } from '../shared/admin-messages.ts'
import { snapshotFromWire, statusFromWire, wireChangeOf } from '../shared/admin-messages.ts'
import { adminDefinition, clientDefinition, method } from '../shared/service-definitions.ts'
import { SERVICE_LIMITS } from '../shared/service-limits.ts'
import { fromStatus } from '../shared/status-codes.ts'
import type { RequestFrame, ResponseFrame } from '../shared/stream-frames.ts'
import { safeInteger } from '../shared/stream-frames.ts'
import { abortedError, closedError } from './client-errors.ts'
import type { StreamLimits } from './request-stream.ts'
import { RequestStream } from './request-stream.ts'

export interface GrpcClientOptions extends Partial<StreamLimits> {
  /** Without it, traffic is plain text. */
  readonly credentials?: ChannelCredentials | undefined
  /** Of calls that do not say. */
  readonly timeoutMs?: number | undefined
  /** Further settings of grpc-js's channel. */
  readonly channelOptions?: ChannelOptions | undefined
  readonly clock?: Clock | undefined
}

export const GRPC_CLIENT_DEFAULTS: StreamLimits & { readonly timeoutMs: number } = {
  timeoutMs: 5000,
  connectTimeoutMs: 2000,
  silenceMsMax: 3000,
  queueRequestsMax: 65_536,
  queueBytesMax: 64 * 1024 * 1024,
}

/**
 * A connection that hangs in being made is left alone this long, and then tried afresh. Not sooner: grpc-js never lets go of the
 * socket of an attempt to which nobody answers, so that each new one would be one more.
 */
const STUCK_CONNECTION_MS = 30_000

/** Room for what a message holds beside the one payload it is limited by. */
const MESSAGE_OVERHEAD_BYTES = 64 * 1024

const CHANNEL_OPTIONS: ChannelOptions = {
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 5000,
  // What may be repeated is decided one floor up, by someone who knows what was applied.
  'grpc.enable_retries': 0,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_http_proxy': 0,
  'grpc.max_receive_message_length': SERVICE_LIMITS.answerBytesMax + MESSAGE_OVERHEAD_BYTES,
}

/** Makes channels over gRPC, all with these options; for `connect` of quorate/client. */
export function grpcChannelFactory(options: GrpcClientOptions = {}): ClientChannelFactory {
  return (address) => new GrpcClientChannel(address, options)
}

export class GrpcClientChannel implements ClientChannel {
  readonly address: string
  readonly #options: GrpcClientOptions & typeof GRPC_CLIENT_DEFAULTS
  readonly #clock: Clock
  #client: Client | undefined
  #stream: RequestStream | undefined
  #connectingSince = 0
  #isClosed = false

  constructor(address: string, options: GrpcClientOptions = {}) {
    this.address = address
    this.#options = withDefaults(options)
    this.#clock = options.clock ?? systemClock
  }

  async propose(command: Uint8Array, { signal, timeoutMs }: CallOptions = {}): Promise<Applied> {
    const { index, term, payload } = await this.#getStream().send({
      kind: 'propose',
      payload: command,
      mode: 'linearizable',
      timeoutMs: timeoutMs ?? this.#options.timeoutMs,
      signal,
    })
    return { index: safeInteger(index, 'index'), term: safeInteger(term, 'term'), result: detached(payload) }
  }

  async query(
    query: Uint8Array,
    { signal, timeoutMs, mode }: CallOptions & { readonly mode: ReadMode },
  ): Promise<{ readonly answer: Uint8Array; readonly appliedIndex: LogIndex }> {
    const { index, payload } = await this.#getStream().send({
      kind: 'query',
      payload: query,
      mode,
      timeoutMs: timeoutMs ?? this.#options.timeoutMs,
      signal,
    })
    return { answer: detached(payload), appliedIndex: safeInteger(index, 'index') }
  }

  async status(options: CallOptions = {}): Promise<NodeStatus> {
    const status = method<object, WireStatusResponse>(adminDefinition(), 'Status')
    return statusFromWire(await this.#call(status, {}, options, 'not-applied'))
  }

  async changeMembership(change: MembershipChange, options: CallOptions = {}): Promise<{ readonly index: LogIndex }> {
    const { index } = await this.#mutate<{ readonly index: number }>('ChangeMembership', wireChangeOf(change), options)
    return { index: safeInteger(index, 'index') }
  }

  async transferLeadership(
    to: NodeId | undefined,
    options: CallOptions = {},
  ): Promise<{ readonly leader: NodeId | undefined }> {
    const response = await this.#mutate<{ readonly leader?: string }>('TransferLeadership', { to: to ?? '' }, options)
    return { leader: response.leader || undefined }
  }

  async takeSnapshot(options: CallOptions = {}): Promise<SnapshotInfo> {
    const timeoutMs = options.timeoutMs ?? SERVICE_LIMITS.snapshotTimeoutMs
    return snapshotFromWire(await this.#mutate<WireSnapshot>('TakeSnapshot', {}, { ...options, timeoutMs }))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#stream?.close()
    this.#client?.close()
    this.#client = undefined
  }

  /** The stream comes first: when it opens, the node is there; a call after that which ends without a word is of unknown outcome. */
  async #mutate<Response>(name: string, request: object, options: CallOptions): Promise<Response> {
    if (options.signal?.aborted === true) throw abortedError(options.signal)
    await this.#getStream().opened()
    return this.#call(method<object, Response>(adminDefinition(), name), request, options, 'unknown')
  }

  #call<Response>(
    { path, requestSerialize, responseDeserialize }: MethodDefinition<object, Response>,
    request: object,
    { signal, timeoutMs = this.#options.timeoutMs }: CallOptions,
    outcome: 'not-applied' | 'unknown',
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) throw abortedError(signal)
      const options = { deadline: Date.now() + timeoutMs }
      let stopListening: (() => void) | undefined
      const settle = (error: ServiceError | null, response?: Response): void => {
        stopListening?.()
        if (error === null) resolve(response as Response)
        else if (signal?.aborted === true && outcome === 'not-applied') reject(abortedError(signal))
        else reject(fromStatus(error, this.address, outcome))
      }
      const client = this.#getClient()
      const call = client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        new Metadata(),
        options,
        settle,
      )
      if (signal !== undefined) stopListening = onAbort(signal, () => call.cancel())
    })
  }

  #getStream(): RequestStream {
    if (this.#stream !== undefined && !this.#isClosed) return this.#stream
    const client = this.#getClient()
    const { path, requestSerialize, responseDeserialize } = method<RequestFrame, ResponseFrame>(
      clientDefinition(),
      'Stream',
    )
    const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize)
    const stream = new RequestStream({
      address: this.address,
      call,
      clock: this.#clock,
      limits: this.#options,
      onEnded: (how) => {
        if (this.#stream === stream) this.#stream = undefined
        const isStuck = how === 'unopened' && this.#clock.now() - this.#connectingSince > STUCK_CONNECTION_MS
        if (how === 'silent' || isStuck) this.#dropClient(client)
      },
    })
    this.#stream = stream
    return stream
  }

  #getClient(): Client {
    if (this.#isClosed) throw closedError()
    if (this.#client === undefined) this.#connectingSince = this.#clock.now()
    this.#client ??= new Client(
      `dns:${this.address}`,
      this.#options.credentials ?? ChannelCredentials.createInsecure(),
      {
        ...CHANNEL_OPTIONS,
        ...this.#options.channelOptions,
      },
    )
    return this.#client
  }

  /** A connection over which nothing comes any more is not waited for: the next call gets another. */
  #dropClient(client: Client): void {
    if (this.#client === client) this.#client = undefined
    client.close()
  }
}

/** A copy if the bytes are a small part of a frame that they would keep in memory. */
function detached(bytes: Uint8Array | undefined): Uint8Array {
  if (bytes === undefined) return new Uint8Array(0)
  return bytes.byteLength * 2 < bytes.buffer.byteLength ? new Uint8Array(bytes) : bytes
}

/** The defaults, but for what was really given: an option that is there and undefined hides none. */
function withDefaults(options: GrpcClientOptions): GrpcClientOptions & typeof GRPC_CLIENT_DEFAULTS {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  return { ...GRPC_CLIENT_DEFAULTS, ...given }
}
