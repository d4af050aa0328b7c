/** A port of its own for admins, beside the one for clients: the calls that need the role admin are served only there. */
import type { CallAccess } from '../access/call-access.ts'
import type { TransportHost } from '../contracts/transport.ts'
import type { ConnectionLimits } from '../peer-link/connection-limiter.ts'
import { formatAddress, isWildcard, parseListenAddress } from '../peer-link/listen-address.ts'
import { takingTls } from '../peer-link/tls.ts'
import { withDefaults } from '../platform/options.ts'
import { GrpcServer } from './grpc-server.ts'
import type { GrpcTransportOptions } from './peer/transport-options.ts'
import { GRPC_TRANSPORT_DEFAULTS, serverOptions } from './peer/transport-options.ts'

/** The limits of the connections of this port. Admins are few; the descriptors are for peers and clients. */
export const ADMIN_PORT_LIMITS: ConnectionLimits = {
  connectionsMax: 64,
  connectionsPerAddressMax: 32,
  peerConnectionsReserved: 0,
  greetingTimeoutMs: 5000,
}

export interface AdminPortOptions extends Pick<GrpcTransportOptions, 'tls' | 'credentials'> {
  readonly listen: string
  /** Where others reach the other port of this node. */
  readonly nodeAddress: string
  readonly access: CallAccess
  /** The largest message, as at the other port. */
  readonly messageBytesMax: number
  readonly tell: TransportHost['condition']
}

export function adminPort(options: AdminPortOptions): GrpcServer {
  const { listen, nodeAddress, tls, credentials, access, messageBytesMax, tell } = options
  const { host, port } = parseListenAddress(listen)
  const advertise = isWildcard({ host, port })
    ? formatAddress({ host: parseListenAddress(nodeAddress).host, port })
    : undefined
  const settings = {
    listen,
    advertise,
    credentials: credentials?.server,
    access,
    connections: ADMIN_PORT_LIMITS,
    options: serverOptions(withDefaults(GRPC_TRANSPORT_DEFAULTS, { messageBytesMax })),
    onCondition: ofThisPort(tell),
  }
  return new GrpcServer(settings, (pass) => takingTls(tls, pass))
}

/** The other port of the node has conditions of its own. */
function ofThisPort(tell: TransportHost['condition']): TransportHost['condition'] {
  return (code, facts) =>
    tell(`ADMIN_${code}`, facts && { ...facts, message: `at the port for admins, ${facts.message}` })
}
