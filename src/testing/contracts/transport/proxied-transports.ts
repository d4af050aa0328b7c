/** The fixture of the contract suite for transports over TCP: they reach each other through proxies, one per direction of each pair. */
import { connect } from 'node:net'
import type { Transport } from '../../../contracts/transport.ts'
import type { NodeId } from '../../../core/types.ts'
import { TcpProxy } from '../../network/tcp-proxy.ts'
import type { TransportFixture } from './transport-fixture.ts'

/** Options of `proxiedTransports`. */
export interface ProxiedTransportsOptions {
  /** Creates a transport that listens on a free port and uses these limits. Its address is 'host:port' once it is started. */
  createTransport(id: NodeId, limits: TransportLimits): Transport | Promise<Transport>
  readonly windowBytes?: number | undefined
  readonly messageBytesMax?: number | undefined
}

/** The limits of the transports under test. */
export type TransportLimits = Required<Pick<TransportFixture, 'windowBytes' | 'messageBytesMax'>>

/** A fixture whose proxies a test can use. */
export interface ProxiedTransports extends TransportFixture {
  /** The proxy through which `from` reaches `to`. */
  proxy(from: NodeId, to: NodeId): Promise<TcpProxy>
}

/** How long `sendRaw` waits for the node to close the connection. */
const DISCONNECT_WAIT_MS = 100

/** A fixture that has every capability. The defaults are 1 MiB for `windowBytes` and 6 MiB for `messageBytesMax`. */
export function proxiedTransports(options: ProxiedTransportsOptions): ProxiedTransports {
  const { windowBytes = 1024 * 1024, messageBytesMax = 6 * 1024 * 1024 } = options
  const transports = new Map<NodeId, Transport>()
  const proxies = new Map<string, TcpProxy>()
  const addressOf = (id: NodeId): string => transports.get(id)?.address ?? ''
  const proxy = async (from: NodeId, to: NodeId): Promise<TcpProxy> => {
    const existing = proxies.get(`${from} ${to}`)
    if (existing?.target === addressOf(to)) return existing
    await existing?.close()
    const created = await new TcpProxy(addressOf(to)).listen()
    proxies.set(`${from} ${to}`, created)
    return created
  }
  const between = (one: NodeId, other: NodeId): TcpProxy[] =>
    [`${one} ${other}`, `${other} ${one}`].flatMap((pair) => proxies.get(pair) ?? [])
  return {
    windowBytes,
    messageBytesMax,
    createTransport: async (id) => {
      const transport = await options.createTransport(id, { windowBytes, messageBytesMax })
      transports.set(id, transport)
      return transport
    },
    proxy,
    addressFor: async (from, to) => (await proxy(from, to)).address,
    cut: (one, other) => between(one, other).forEach((each) => void each.cut()),
    heal: (one, other) => between(one, other).forEach((each) => void each.heal()),
    stall: (one, other) => between(one, other).forEach((each) => void each.stall()),
    resume: (one, other) => between(one, other).forEach((each) => void each.resume()),
    sendRaw: (to, bytes) => sendRaw(addressOf(to), bytes),
    corrupt: (from, to) => between(from, to).forEach((each) => void each.corruptNext()),
    inject: (from, to, bytes) => between(from, to).forEach((each) => void each.inject(bytes)),
    close: async () => {
      for (const each of proxies.values()) await each.close()
    },
  }
}

/** Sends these bytes to an address and nothing else. */
async function sendRaw(address: string, bytes: Uint8Array): Promise<void> {
  const { hostname, port } = new URL(`tcp://${address}`)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => undefined)
  socket.resume()
  socket.write(bytes)
  const timer = setTimeout(() => socket.destroy(), DISCONNECT_WAIT_MS)
  await new Promise<void>((resolve) => socket.once('close', () => resolve()))
  clearTimeout(timer)
}
