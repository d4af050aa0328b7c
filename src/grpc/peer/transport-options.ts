/** The options of the peer transport with their defaults, and the grpc-js channel options derived from them. */
import type { ChannelCredentials, ChannelOptions, ServerCredentials } from '@grpc/grpc-js'
import type { OptionCheck } from '../../platform/options.ts'
import { checkInteger, checkString, findOptionProblems, formatValue, throwOnProblems } from '../../platform/options.ts'

/** The limits and times of the transport; sizes in bytes, times in milliseconds. */
export interface GrpcTransportLimits {
  /** The most bytes queued for one peer. A message that does not fit is dropped, unless the queue is empty. */
  readonly windowBytes: number
  /** The largest message, blocks included. A larger one is not sent; a peer that sends one is disconnected. */
  readonly messageBytesMax: number
  /** Messages queued for one peer share a gRPC write up to this size: the cost of a write hardly depends on its size. */
  readonly frameBytes: number
  /** The HTTP/2 receive window of a connection. The default of HTTP/2, 64 KiB, limits a link of 10 ms to 6 MB/s. */
  readonly receiveWindowBytes: number
  /** The largest chunk of a snapshot transfer. */
  readonly chunkBytes: number
  /** The most snapshots sent at the same time. */
  readonly snapshotStreamsMax: number
  /** The first delay before reconnecting after a failure or a loss; it doubles up to `reconnectMaxMs`. */
  readonly reconnectMinMs: number
  /** The longest delay before reconnecting after a failure or a loss. */
  readonly reconnectMaxMs: number
  /** The first delay before reconnecting after a rejection; it doubles up to `refusalPauseMaxMs`. */
  readonly refusalPauseMinMs: number
  /** The longest delay after a rejection. A rejection needs an operator, and faster retries only fill logs. */
  readonly refusalPauseMaxMs: number
  /** How long a rejection is cached: a peer that retries sooner gets the same answer. */
  readonly refusalMemoryMs: number
  /** How long a connection attempt may take until the hello of the peer arrives. */
  readonly handshakeTimeoutMs: number
  /** The most incoming streams that wait for a hello. */
  readonly handshakesMax: number
  /** The most incoming connections of the port, peers and clients together; at most half of the descriptors (`ulimit -n`). */
  readonly connectionsMax: number
  /** The most connections of clients from one address. Further ones are rejected with ERR_RAFT_OVERLOADED. */
  readonly connectionsPerAddressMax: number
  /** The connections of `connectionsMax` that clients cannot take; at most half of them. */
  readonly peerConnectionsReserved: number
  /** A connection is closed if neither a peer greets nor a client calls on it within this time. */
  readonly greetingTimeoutMs: number
  /** The most calls and streams that are open on an incoming connection at the same time; its client queues further ones. */
  readonly streamsPerConnectionMax: number
  /** The interval of pings on an idle connection. */
  readonly keepaliveTimeMs: number
  /** A connection is closed if the reply to a ping takes this long. */
  readonly keepaliveTimeoutMs: number
  /** How long calls in progress may take to end when the transport closes. */
  readonly shutdownGraceMs: number
}

/** The defaults of GrpcTransportLimits. */
export const GRPC_TRANSPORT_DEFAULTS: GrpcTransportLimits = {
  windowBytes: 8 * 1024 * 1024,
  messageBytesMax: 32 * 1024 * 1024,
  frameBytes: 64 * 1024,
  receiveWindowBytes: 4 * 1024 * 1024,
  chunkBytes: 256 * 1024,
  snapshotStreamsMax: 8,
  reconnectMinMs: 50,
  reconnectMaxMs: 500,
  refusalPauseMinMs: 5000,
  refusalPauseMaxMs: 30_000,
  refusalMemoryMs: 1000,
  handshakeTimeoutMs: 2000,
  handshakesMax: 64,
  connectionsMax: 2048,
  connectionsPerAddressMax: 1024,
  peerConnectionsReserved: 64,
  greetingTimeoutMs: 5000,
  streamsPerConnectionMax: 2048,
  keepaliveTimeMs: 2000,
  keepaliveTimeoutMs: 2000,
  shutdownGraceMs: 500,
}

/** The options of GrpcTransport. */
export interface GrpcTransportOptions extends Partial<GrpcTransportLimits> {
  /** The address to listen on: 'host:port' or '[v6]:port'; port 0 picks a free port. */
  readonly listen: string
  /** The address at which peers reach this node, if it differs from `listen`. Required with '0.0.0.0' and '[::]'. */
  readonly advertise?: string | undefined
  /** TLS credentials for both directions. Without them traffic is plain text: keep the port inside a trusted network. */
  readonly credentials?: { readonly server: ServerCredentials; readonly channel: ChannelCredentials } | undefined
}

const CHECKS: Readonly<Record<string, OptionCheck>> = {
  ...Object.fromEntries(Object.keys(GRPC_TRANSPORT_DEFAULTS).map((name) => [name, checkInteger(0)])),
  listen: checkString,
  advertise: checkString,
  credentials: (value) =>
    typeof value === 'object' && value !== null && 'server' in value && 'channel' in value
      ? undefined
      : `must have \`server\` and \`channel\`, not be ${formatValue(value)}`,
}

/** Throws ERR_RAFT_OPTIONS that names every problem. */
export function checkTransportOptions(options: GrpcTransportOptions): void {
  const problems = findOptionProblems(options, CHECKS)
  if (options.listen === undefined) problems.push({ path: 'listen', problem: 'is missing' })
  throwOnProblems(problems)
}

/** The overhead of the frame around the largest message. */
const FRAME_OVERHEAD_BYTES = 64 * 1024

/** Options of both ends: the sizes that one end may send are the sizes that the other accepts. */
export function serverOptions(limits: GrpcTransportLimits): ChannelOptions {
  const frameBytesMax = limits.messageBytesMax + limits.frameBytes + FRAME_OVERHEAD_BYTES
  return {
    'grpc.max_send_message_length': frameBytesMax,
    'grpc.max_receive_message_length': frameBytesMax,
    'grpc.keepalive_time_ms': limits.keepaliveTimeMs,
    'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
    'grpc.keepalive_permit_without_calls': 1,
    'grpc.max_concurrent_streams': limits.streamsPerConnectionMax,
    'grpc.enable_channelz': 0,
  }
}

export function channelOptions(limits: GrpcTransportLimits): ChannelOptions {
  return {
    ...serverOptions(limits),
    // With the defaults, 1 s to 120 s, a peer that was down for minutes would stay disconnected for minutes more.
    'grpc.initial_reconnect_backoff_ms': limits.reconnectMinMs,
    'grpc.max_reconnect_backoff_ms': limits.reconnectMaxMs,
    // Raft retries by itself, and grpc-js would keep copies of the messages of a long stream for its retries.
    'grpc.enable_retries': 0,
    // Otherwise links with equal options share a connection and its window.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.service_config_disable_resolution': 1,
    'grpc.enable_http_proxy': 0,
    'grpc-node.flow_control_window': limits.receiveWindowBytes,
  }
}
