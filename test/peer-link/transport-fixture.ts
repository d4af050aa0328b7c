/** Transports that reach each other through TCP proxies, one per direction, so that tests can break links. */
import type { Transport } from '../../src/contracts/transport.ts'
import type { NodeId } from '../../src/core/types.ts'
import { GrpcTransport } from '../../src/grpc/grpc-transport.ts'
import type { PeerLinkLimits } from '../../src/peer-link/limits.ts'
import { PEER_LINK_DEFAULTS } from '../../src/peer-link/limits.ts'
import type { SharedSecret } from '../../src/peer-link/secret-tls.ts'
import type { TlsOptions } from '../../src/peer-link/tls-options.ts'
import { TcpProtocol } from '../../src/tcp/tcp-protocol.ts'
import { TcpTransport } from '../../src/tcp/tcp-transport.ts'
import type { ProxiedTransports } from '../../src/testing/contracts/transport/proxied-transports.ts'
import { proxiedTransports } from '../../src/testing/contracts/transport/proxied-transports.ts'

/** How the nodes of a test connect to each other. Mixed: at ports that accept both, node a over gRPC and all others over TCP. */
export type TransportKind = 'grpc' | 'tcp' | 'mixed'

export const TRANSPORT_KINDS: readonly TransportKind[] = ['grpc', 'tcp', 'mixed']

export interface FixtureOptions extends Partial<PeerLinkLimits> {
  readonly tls?: TlsOptions | SharedSecret | undefined
}

export function makeTransport(kind: TransportKind, id: NodeId, limits: FixtureOptions): Transport {
  const options = { listen: '127.0.0.1:0', ...limits }
  if (kind === 'grpc') return new GrpcTransport(options)
  if (kind === 'tcp') return new TcpTransport(options)
  const protocol = new TcpProtocol({ ...PEER_LINK_DEFAULTS, ...limits }, options.tls)
  return new GrpcTransport(options, { protocol, isDialled: id !== 'a' })
}

export function transportFixture(kind: TransportKind, limits: FixtureOptions = {}): ProxiedTransports {
  const pauses = { refusalPauseMinMs: 20, refusalPauseMaxMs: 20, refusalMemoryMs: 0 }
  return proxiedTransports({
    messageBytesMax: limits.messageBytesMax,
    createTransport: (id, { windowBytes, messageBytesMax }) =>
      makeTransport(kind, id, { windowBytes, messageBytesMax, ...pauses, ...limits }),
  })
}
