/** Transports that reach each other through TCP proxies, one per direction, so that tests can break links. */
import { connect } from 'node:net'
import type { Transport } from '../../src/contracts/transport.ts'
import type { NodeId } from '../../src/core/types.ts'
import { GrpcTransport } from '../../src/grpc/grpc-transport.ts'
import type { PeerLinkLimits } from '../../src/peer-link/limits.ts'
import { PEER_LINK_DEFAULTS } from '../../src/peer-link/limits.ts'
import type { SharedSecret } from '../../src/peer-link/secret-tls.ts'
import type { TlsOptions } from '../../src/peer-link/tls-options.ts'
import { TcpProtocol } from '../../src/tcp/tcp-protocol.ts'
import { TcpTransport } from '../../src/tcp/tcp-transport.ts'
import type { TransportFixture } from '../../src/testing/contracts/transport-contract.ts'
import { TcpProxy } from '../../src/testing/network/tcp-proxy.ts'

/** How the nodes of a test connect to each other. Mixed: at ports that accept both, node a over gRPC and all others over TCP. */
export type TransportKind = 'grpc' | 'tcp' | 'mixed'

export const TRANSPORT_KINDS: readonly TransportKind[] = ['grpc', 'tcp', 'mixed']

export interface FixtureOptions extends Partial<PeerLinkLimits> {
  readonly tls?: TlsOptions | SharedSecret | undefined
}

export interface ProxiedFixture extends TransportFixture {
  createTransport(id: string): Transport
  proxy(from: string, to: string): Promise<TcpProxy>
}

export function makeTransport(kind: TransportKind, id: NodeId, limits: FixtureOptions): Transport {
  const options = { listen: '127.0.0.1:0', ...limits }
  if (kind === 'grpc') return new GrpcTransport(options)
  if (kind === 'tcp') return new TcpTransport(options)
  const protocol = new TcpProtocol({ ...PEER_LINK_DEFAULTS, ...limits }, options.tls)
  return new GrpcTransport(options, { protocol, isDialled: id !== 'a' })
}

/** How long `sendRaw` waits for the node to close the connection. */
const DISCONNECT_WAIT_MS = 100

/** Sends these bytes to an address and nothing else. */
async function sendRaw(address: string, bytes: Uint8Array): Promise<void> {
  const [host, port] = address.split(':')
  const socket = connect(Number(port), host)
  socket.on('error', () => undefined)
  socket.resume()
  socket.write(bytes)
  const timer = setTimeout(() => socket.destroy(), DISCONNECT_WAIT_MS)
  await new Promise<void>((resolve) => socket.once('close', () => resolve()))
  clearTimeout(timer)
}

export function transportFixture(kind: TransportKind, limits: FixtureOptions = {}): ProxiedFixture {
  const windowBytes = 1024 * 1024
  const messageBytesMax = limits.messageBytesMax ?? 6 * 1024 * 1024
  const transports = new Map<string, Transport>()
  const proxies = new Map<string, TcpProxy>()
  const proxy = async (from: string, to: string): Promise<TcpProxy> => {
    const target = transports.get(to)?.address ?? ''
    const existing = proxies.get(`${from} ${to}`)
    if (existing?.target === target) return existing
    await existing?.close()
    const created = await new TcpProxy(target).listen()
    proxies.set(`${from} ${to}`, created)
    return created
  }
  const between = (one: string, other: string): TcpProxy[] =>
    [proxies.get(`${one} ${other}`), proxies.get(`${other} ${one}`)].filter((proxy) => proxy !== undefined)
  return {
    createTransport: (id) => {
      const transport = makeTransport(kind, id, {
        windowBytes,
        messageBytesMax,
        refusalPauseMinMs: 20,
        refusalPauseMaxMs: 20,
        refusalMemoryMs: 0,
        ...limits,
      })
      transports.set(id, transport)
      return transport
    },
    proxy,
    addressFor: async (from, to) => (await proxy(from, to)).address,
    cut: (one, other) => between(one, other).forEach((proxy) => void proxy.cut()),
    heal: (one, other) => between(one, other).forEach((proxy) => void proxy.heal()),
    windowBytes,
    stall: (one, other) => between(one, other).forEach((proxy) => void proxy.stall()),
    resume: (one, other) => between(one, other).forEach((proxy) => void proxy.resume()),
    messageBytesMax,
    sendRaw: (to, bytes) => sendRaw(transports.get(to)?.address ?? '', bytes),
    corrupt: (from, to) => between(from, to).forEach((proxy) => void proxy.corruptNext()),
    inject: async (from, to, bytes) => {
      for (const proxy of between(from, to)) proxy.inject(bytes)
    },
    close: async () => {
      for (const proxy of proxies.values()) await proxy.close()
    },
  }
}
