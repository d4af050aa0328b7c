/** A client's channel to one node over gRPC: proposals and queries share one stream; admin calls are unary. */
import type { ChannelOptions, MethodDefinition, ServiceError } from '@grpc/grpc-js'
import { ChannelCredentials, Client, Metadata } from '@grpc/grpc-js'
import type { ClientChannel, ClientChannelFactory } from '../../contracts/client-channel.ts'
import type { Clock } from '../../contracts/clock.ts'
import type {
  Applied,
  CallOptions,
  ChangeBatch,
  ChangesOptions,
  NodeStatus,
  ProposeOptions,
  ReadOptions,
  SnapshotOptions,
} from '../../contracts/node-service.ts'
import type { RegisteredSession } from '../../contracts/session.ts'
import type { MembershipChange } from '../../core/inputs.ts'
import type { LogIndex, NodeId, SnapshotInfo } from '../../core/types.ts'
import type { RaftError } from '../../errors.ts'
import { isRaftError } from '../../errors.ts'
import type { ClientTlsFiles } from '../../peer-link/client-certificate-files.ts'
import { checkClientTlsOrFiles, readClientTls } from '../../peer-link/client-certificate-files.ts'
import type { SharedSecret } from '../../peer-link/secret-tls.ts'
import { hasSecret } from '../../peer-link/secret-tls.ts'
import type { ClientTlsOptions } from '../../peer-link/tls-options.ts'
import { onAbort } from '../../platform/on-abort.ts'
import type { OptionCheck } from '../../platform/options.ts'
import {
  checkMethods,
  checkObject,
  checkPositive,
  checkString,
  findOptionProblems,
  throwOnProblems,
  withDefaults,
} from '../../platform/options.ts'
import { systemClock } from '../../platform/system-clock.ts'
import { adminAddressIn } from '../shared/admin-address.ts'
import type { WireSnapshot, WireStatusResponse } from '../shared/admin-messages.ts'
import { snapshotFromWire, statusFromWire, wireChangeOf } from '../shared/admin-messages.ts'
import { bearerToken } from '../shared/bearer-token.ts'
import { tlsCredentials } from '../shared/channel-credentials.ts'
import { adminDefinition, clientDefinition, method } from '../shared/service-definitions.ts'
import { SERVICE_LIMITS } from '../shared/service-limits.ts'
import { fromStatus } from '../shared/status-codes.ts'
import type { RequestFrame, ResponseFrame } from '../shared/stream-frames.ts'
import { safeInteger } from '../shared/stream-frames.ts'
import { receiveChanges } from './change-stream.ts'
import { abortedError, closedError } from './client-errors.ts'
import { RequestStream } from './request-stream.ts'
import type { StreamLimits } from './request-window.ts'

/** The options of a client's gRPC channels. */
export interface GrpcClientOptions extends Partial<StreamLimits> {
  /** Keys and certificates for TLS, or the files that have them. Without them, and without `credentials`, traffic is plain text. */
  readonly tls?: ClientTlsOptions | ClientTlsFiles | SharedSecret | undefined
  /** The bearer token of this client, sent with each call. Needs `tls` or `credentials`. */
  readonly token?: string | undefined
  /** Instead of `tls`: credentials of grpc-js. */
  readonly credentials?: ChannelCredentials | undefined
  /** The timeout of calls without one, in milliseconds. */
  readonly timeoutMs?: number | undefined
  /** Further options of the grpc-js channel. */
  readonly channelOptions?: ChannelOptions | undefined
  /** The clock of timeouts. Default: the system's. */
  readonly clock?: Clock | undefined
}

/** The defaults of GrpcClientOptions. */
export const GRPC_CLIENT_DEFAULTS: StreamLimits & { readonly timeoutMs: number } = {
  timeoutMs: 5000,
  connectTimeoutMs: 2000,
  silenceMsMax: 3000,
  queueRequestsMax: 65_536,
  queueBytesMax: 64 * 1024 * 1024,
}

const CHECKS: Readonly<Record<string, OptionCheck>> = {
  ...Object.fromEntries(Object.keys(GRPC_CLIENT_DEFAULTS).map((name) => [name, checkPositive])),
  credentials: checkObject,
  tls: checkClientTlsOrFiles,
  token: checkString,
  channelOptions: checkObject,
  clock: checkMethods('now', 'wakeAt'),
}

/**
 * A connection attempt that hangs is replaced only after this time: grpc-js does not close the socket of an unanswered attempt, so
 * every new attempt leaves one more socket open.
 */
const STUCK_CONNECTION_MS = 30_000

/** The size of a message apart from its largest payload. */
const MESSAGE_OVERHEAD_BYTES = 64 * 1024

const CHANNEL_OPTIONS: ChannelOptions = {
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 5000,
  // RaftClient decides about retries: only it knows whether a command may have been applied.
  'grpc.enable_retries': 0,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_http_proxy': 0,
  'grpc.max_receive_message_length': SERVICE_LIMITS.answerBytesMax + MESSAGE_OVERHEAD_BYTES,
}

/**
 * Returns a factory of gRPC channels, for the `channel` option of `connect`. Throws ERR_RAFT_OPTIONS that names every invalid option.
 *
 *     const client = new RaftClient({ endpoints: ['127.0.0.1:7001'], channel: grpcChannelFactory({ tls: { ca } }) })
 */
export function grpcChannelFactory(options: GrpcClientOptions = {}): ClientChannelFactory {
  const problems = findOptionProblems(options, CHECKS)
  if (options.tls !== undefined && options.credentials !== undefined)
    problems.push({ path: 'tls', problem: 'and `credentials` exclude each other' })
  if (options.token !== undefined && options.tls === undefined && options.credentials === undefined)
    problems.push({ path: 'token', problem: 'needs `tls`: without it, others can read the token' })
  if (options.token !== undefined && hasSecret(options.tls))
    problems.push({
      path: 'token',
      problem: 'has no effect with `clusterSecret`: who has the secret may do everything',
    })
  throwOnProblems(problems)
  // All channels share the files, so that one whose files cannot be read any longer has what the others have.
  const { tls } = options
  const shared = { ...options, tls: tls && readClientTls(tls) }
  return (address) => new GrpcClientChannel(address, shared)
}

/** A ClientChannel over gRPC (proto/quorate/v1/client.proto and admin.proto). It connects on the first call, and reconnects. */
export class GrpcClientChannel implements ClientChannel {
  readonly address: string
  readonly #options: GrpcClientOptions & typeof GRPC_CLIENT_DEFAULTS
  readonly #credentials: ChannelCredentials
  readonly #clock: Clock
  #client: Client | undefined
  /** To the port of the node for admins, once it has said that it has one. */
  #adminChannel: GrpcClientChannel | undefined
  #stream: RequestStream | undefined
  #connectingSince = 0
  #isClosed = false

  constructor(address: string, options: GrpcClientOptions = {}) {
    this.address = address
    this.#options = { ...options, ...withDefaults(GRPC_CLIENT_DEFAULTS, options) }
    const { tls, credentials = ChannelCredentials.createInsecure() } = options
    this.#credentials = tls === undefined ? credentials : tlsCredentials(tls)
    this.#clock = options.clock ?? systemClock
  }

  async propose(
    command: Uint8Array,
    { signal, timeoutMs, session, expectTerm, forward }: ProposeOptions = {},
  ): Promise<Applied> {
    const { index, term, payload } = await this.#getStream().send({
      kind: 'propose',
      payload: command,
      mode: 'linearizable',
      timeoutMs: timeoutMs ?? this.#options.timeoutMs,
      signal,
      session,
      expectTerm,
      leaderOnly: forward === false,
    })
    return { index: safeInteger(index, 'index'), term: safeInteger(term, 'term'), result: detached(payload) }
  }

  async registerSession(options: CallOptions = {}): Promise<RegisteredSession> {
    const register = method<object, RegisteredSession>(clientDefinition(), 'RegisterSession')
    const { id, clusterId } = await this.#mutate(register, {}, options)
    return { id: safeInteger(id, 'session'), clusterId }
  }

  async query(
    query: Uint8Array,
    { signal, timeoutMs, ...read }: ReadOptions = {},
  ): Promise<{ readonly answer: Uint8Array; readonly appliedIndex: LogIndex }> {
    const { index, payload } = await this.#getStream().send({
      kind: 'query',
      payload: query,
      ...read,
      timeoutMs: timeoutMs ?? this.#options.timeoutMs,
      signal,
    })
    return { answer: detached(payload), appliedIndex: safeInteger(index, 'index') }
  }

  changes(options: ChangesOptions): AsyncIterableIterator<ChangeBatch> {
    return receiveChanges(() => this.#getClient(), this.address, options)
  }

  async status(options: CallOptions = {}): Promise<NodeStatus> {
    const status = method<object, WireStatusResponse>(adminDefinition(), 'Status')
    return statusFromWire(await this.#call(status, {}, options, 'not-applied'))
  }

  async changeMembership(change: MembershipChange, options: CallOptions = {}): Promise<{ readonly index: LogIndex }> {
    const request = wireChangeOf(change)
    const { index } = await this.#administer<{ readonly index: number }>('ChangeMembership', request, options)
    return { index: safeInteger(index, 'index') }
  }

  async transferLeadership(
    to: NodeId | undefined,
    { force = false, ...options }: CallOptions & { readonly force?: boolean | undefined } = {},
  ): Promise<{ readonly leader: NodeId | undefined }> {
    const request = { to: to ?? '', force }
    const response = await this.#administer<{ readonly leader?: string }>('TransferLeadership', request, options)
    return { leader: response.leader || undefined }
  }

  async takeSnapshot({ linearizable = false, ...options }: SnapshotOptions = {}): Promise<SnapshotInfo> {
    const timeoutMs = options.timeoutMs ?? SERVICE_LIMITS.snapshotTimeoutMs
    const request = { linearizable }
    return snapshotFromWire(await this.#administer<WireSnapshot>('TakeSnapshot', request, { ...options, timeoutMs }))
  }

  async readSnapshot(id: string, offset: number, options: CallOptions = {}): Promise<Uint8Array> {
    const read = method<object, { readonly data: Uint8Array }>(adminDefinition(), 'ReadSnapshot')
    const { data } = await this.#whereServed((channel) => channel.#call(read, { id, offset }, options, 'not-applied'))
    return data
  }

  releaseUnsent(reason: RaftError): void {
    this.#stream?.releaseUnsent(reason)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#stream?.close()
    this.#client?.close()
    this.#client = undefined
    await this.#adminChannel?.close()
  }

  /**
   * Waits for the stream first: an unreachable node is then ERR_RAFT_UNREACHABLE, and not an unknown outcome. A caller that may not open it gets the
   * refusal of the call, which names the role that the call needs.
   */
  async #mutate<Response>(
    definition: MethodDefinition<object, Response>,
    request: object,
    options: CallOptions,
  ): Promise<Response> {
    if (options.signal?.aborted === true) throw abortedError(options.signal)
    await this.#getStream().opened().catch(unlessUnauthorized)
    return this.#call(definition, request, options, 'unknown')
  }

  #administer<Response>(name: string, request: object, options: CallOptions): Promise<Response> {
    const definition = method<object, Response>(adminDefinition(), name)
    return this.#whereServed((channel) => channel.#mutate(definition, request, options))
  }

  /** Calls the node, and again at its port for admins if it says that the call is served only there. */
  async #whereServed<Response>(call: (channel: GrpcClientChannel) => Promise<Response>): Promise<Response> {
    try {
      return await call(this)
    } catch (error) {
      const address = isRaftError(error) ? adminAddressIn(error, this.address) : undefined
      if (address === undefined || this.#isClosed) throw error
      if (this.#adminChannel?.address !== address) {
        await this.#adminChannel?.close()
        this.#adminChannel = new GrpcClientChannel(address, this.#options)
      }
      return call(this.#adminChannel)
    }
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
    this.#client ??= new Client(`dns:${this.address}`, this.#credentials, {
      ...CHANNEL_OPTIONS,
      ...(this.#options.token === undefined ? undefined : { interceptors: [bearerToken(this.#options.token)] }),
      ...this.#options.channelOptions,
    })
    return this.#client
  }

  /** Closes a connection that no longer responds; the next call opens a new one. */
  #dropClient(client: Client): void {
    if (this.#client === client) this.#client = undefined
    client.close()
  }
}

function unlessUnauthorized(error: unknown): void {
  if (!isRaftError(error, 'ERR_RAFT_UNAUTHORIZED')) throw error
}

/** Copies the bytes if they are a small part of a frame, which they would otherwise keep in memory. */
function detached(bytes: Uint8Array | undefined): Uint8Array {
  if (bytes === undefined) return new Uint8Array(0)
  return bytes.byteLength * 2 < bytes.buffer.byteLength ? new Uint8Array(bytes) : bytes
}
