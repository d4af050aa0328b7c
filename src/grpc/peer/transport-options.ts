/** The settings of the peer transport: names, defaults and reasons, and the channel settings of grpc-js made of them. */
import type { ChannelCredentials, ChannelOptions, ServerCredentials } from '@grpc/grpc-js'

export interface GrpcTransportLimits {
  /** The most bytes handed over and not yet on their way to one peer; a message beyond it is dropped (one may exceed it alone). */
  readonly windowBytes: number
  /** The largest message, blocks included; larger ones are never sent, and a peer that sends one is cut off. */
  readonly messageBytesMax: number
  /** Messages waiting for the same peer share one gRPC write up to this size, since every write costs alike. */
  readonly frameBytes: number
  /** What a connection takes in before its reader has read it. HTTP/2's own 64 KiB would cap a link of 10 ms at 6 MB/s. */
  readonly receiveWindowBytes: number
  /** Snapshots travel in pieces of at most this size. */
  readonly chunkBytes: number
  /** The most snapshots sent at a time. */
  readonly snapshotStreamsMax: number
  /** After a lost or refused connection, the next attempt waits this long at first … */
  readonly reconnectMinMs: number
  /** … and doubles up to this. */
  readonly reconnectMaxMs: number
  /** After a peer has turned this node away (or this node the peer), the next attempt waits this long at first … */
  readonly refusalPauseMinMs: number
  /** … and doubles up to this. A refusal needs an operator; asking faster only fills logs. */
  readonly refusalPauseMaxMs: number
  /** Whoever was refused and asks again sooner gets the same answer unexamined. */
  readonly refusalMemoryMs: number
  /** An attempt that has connected, or hangs in connecting, and brought no greeting for this long starts afresh. */
  readonly handshakeTimeoutMs: number
  /** The most incoming streams that have not yet said who they are. */
  readonly handshakesMax: number
  /** A silent connection is pinged this often … */
  readonly keepaliveTimeMs: number
  /** … and given up when the answer takes this long. */
  readonly keepaliveTimeoutMs: number
  /** How long calls under way may take to end when the transport closes. */
  readonly shutdownGraceMs: number
}

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
  keepaliveTimeMs: 2000,
  keepaliveTimeoutMs: 2000,
  shutdownGraceMs: 500,
}

export interface GrpcTransportOptions extends Partial<GrpcTransportLimits> {
  /** 'host:port'; port 0 takes any free one. */
  readonly listen: string
  /** The address the peers reach this node at, if it is not the one it listens on. Required with '0.0.0.0' and '[::]'. */
  readonly advertise?: string | undefined
  /** Both ends of TLS. Left out, everything travels as plain text: then keep the port inside a network you trust. */
  readonly credentials?: { readonly server: ServerCredentials; readonly channel: ChannelCredentials } | undefined
}

export function limitsOf(options: Partial<GrpcTransportLimits>): GrpcTransportLimits {
  const limits: { -readonly [Name in keyof GrpcTransportLimits]: number } = { ...GRPC_TRANSPORT_DEFAULTS }
  for (const name of Object.keys(limits) as (keyof GrpcTransportLimits)[]) limits[name] = options[name] ?? limits[name]
  return limits
}

/** The frame around the largest message. */
const FRAME_SLACK_BYTES = 64 * 1024

/** Both directions alike: what one end may send, the other takes. */
export function serverOptions(limits: GrpcTransportLimits): ChannelOptions {
  const frameBytesMax = limits.messageBytesMax + limits.frameBytes + FRAME_SLACK_BYTES
  return {
    'grpc.max_send_message_length': frameBytesMax,
    'grpc.max_receive_message_length': frameBytesMax,
    'grpc.keepalive_time_ms': limits.keepaliveTimeMs,
    'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
    'grpc.keepalive_permit_without_calls': 1,
    'grpc.enable_channelz': 0,
  }
}

export function channelOptions(limits: GrpcTransportLimits): ChannelOptions {
  return {
    ...serverOptions(limits),
    // The defaults, 1 s to 120 s, leave a peer that was away for minutes alone for minutes more.
    'grpc.initial_reconnect_backoff_ms': limits.reconnectMinMs,
    'grpc.max_reconnect_backoff_ms': limits.reconnectMaxMs,
    // Retrying is Raft's business, and grpc-js would keep copies of a long stream's messages for it.
    'grpc.enable_retries': 0,
    // Otherwise links of equal settings share a connection, and with it a window.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.service_config_disable_resolution': 1,
    'grpc.enable_http_proxy': 0,
    'grpc-node.flow_control_window': limits.receiveWindowBytes,
  }
}
