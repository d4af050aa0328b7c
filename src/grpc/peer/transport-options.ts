/** The options of the peer transport with their defaults, and the grpc-js channel options derived from them. */
import type { ChannelCredentials, ChannelOptions, ServerCredentials } from '@grpc/grpc-js'
import { CallAccess } from '../../access/call-access.ts'
import type { CallerRole } from '../../access/roles.ts'
import type { NodeId } from '../../core/types.ts'
import type { PeerLinkLimits } from '../../peer-link/limits.ts'
import { PEER_LINK_DEFAULTS } from '../../peer-link/limits.ts'
import { checkRoutes } from '../../peer-link/routes.ts'
import type { SharedSecret } from '../../peer-link/secret-tls.ts'
import { hasSecret } from '../../peer-link/secret-tls.ts'
import type { TlsOptions } from '../../peer-link/tls-options.ts'
import { checkTls, checkTokens, verifiesClients } from '../../peer-link/tls-options.ts'
import type { OptionCheck } from '../../platform/options.ts'
import { checkInteger, checkString, findOptionProblems, formatValue, throwOnProblems } from '../../platform/options.ts'

/** The limits and times of the transport; sizes in bytes, times in milliseconds. */
export interface GrpcTransportLimits extends PeerLinkLimits {
  /** The HTTP/2 receive window of a connection. The default of HTTP/2, 64 KiB, limits a link of 10 ms to 6 MB/s. */
  readonly receiveWindowBytes: number
  /** The most calls and streams that are open on an incoming connection at the same time; its client queues further ones. */
  readonly streamsPerConnectionMax: number
}

/** The defaults of GrpcTransportLimits. */
export const GRPC_TRANSPORT_DEFAULTS: GrpcTransportLimits = {
  ...PEER_LINK_DEFAULTS,
  receiveWindowBytes: 4 * 1024 * 1024,
  streamsPerConnectionMax: 2048,
}

/** The options of GrpcTransport. */
export interface GrpcTransportOptions extends Partial<GrpcTransportLimits> {
  /** The address to listen on: 'host:port' or '[v6]:port'; port 0 picks a free port. */
  readonly listen: string
  /** The address at which peers reach this node, if it differs from `listen`. Required with '0.0.0.0' and '[::]'. */
  readonly advertise?: string | undefined
  /**
   * Where to connect to some peers, by id, instead of their addresses in the membership: a proxy or a tunnel, for example. With TLS, the certificate of
   * the peer must name the host of the route.
   */
  readonly routes?: Readonly<Record<NodeId, string>> | undefined
  /** TLS keys and certificates, for both directions. Without them traffic is plain text: keep the port inside a trusted network. */
  readonly tls?: TlsOptions | SharedSecret | undefined
  /**
   * Bearer tokens and their roles, for clients without a certificate, such as `{ 'a-long-random-text': 'client' }`. Needs `tls`. A client passes its
   * own as `token`.
   */
  readonly tokens?: Readonly<Record<string, CallerRole>> | undefined
  /** Instead of `tls`: credentials of grpc-js. Other protocols than gRPC cannot use them. */
  readonly credentials?: { readonly server: ServerCredentials; readonly channel: ChannelCredentials } | undefined
}

/** Which calls the callers at the port may make. */
export function accessOf({ tls, tokens }: Pick<GrpcTransportOptions, 'tls' | 'tokens'>): CallAccess {
  const { rolesOfUnits, nodeDnsNames } = hasSecret(tls) || tls === undefined ? {} : tls
  return new CallAccess({ verifyClients: verifiesClients(tls), rolesOfUnits, nodeDnsNames, tokens })
}

const CHECKS: Readonly<Record<string, OptionCheck>> = {
  ...Object.fromEntries(Object.keys(GRPC_TRANSPORT_DEFAULTS).map((name) => [name, checkInteger(0)])),
  listen: checkString,
  advertise: checkString,
  routes: checkRoutes,
  tls: checkTls,
  tokens: checkTokens,
  credentials: (value) =>
    typeof value === 'object' && value !== null && 'server' in value && 'channel' in value
      ? undefined
      : `must have \`server\` and \`channel\`, not be ${formatValue(value)}`,
}

/** Throws ERR_RAFT_OPTIONS that names every problem. */
export function checkTransportOptions(options: GrpcTransportOptions): void {
  const problems = findOptionProblems(options, CHECKS)
  if (options.listen === undefined) problems.push({ path: 'listen', problem: 'is missing' })
  if (options.tls !== undefined && options.credentials !== undefined)
    problems.push({ path: 'credentials', problem: 'and `tls` exclude each other' })
  if (options.tokens !== undefined && options.tls === undefined)
    problems.push({ path: 'tokens', problem: 'needs `tls`: without it, others can read the tokens' })
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
