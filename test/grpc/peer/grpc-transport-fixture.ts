/** Transports over gRPC that reach each other through proxies, one for each direction, so that links can be broken. */
import { connect } from 'node:net'
import type { Transport } from '../../../src/contracts/transport.ts'
import { GrpcTransport } from '../../../src/grpc/grpc-transport.ts'
import type { GrpcTransportLimits } from '../../../src/grpc/peer/transport-options.ts'
import type { TransportWorld } from '../../../src/testing/contracts/transport-contract.ts'
import { TcpProxy } from '../tcp-proxy.ts'

export interface GrpcTransportFixture extends TransportWorld {
  proxy(from: string, to: string): Promise<TcpProxy>
}

/** How long whoever sends anything waits for the node to hang up. */
const DISCONNECT_WAIT_MS = 100

/** Says these bytes to an address, and no more. */
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

export function grpcTransportFixture(limits: Partial<GrpcTransportLimits> = {}): GrpcTransportFixture {
  const windowBytes = 1024 * 1024
  const messageBytesMax = limits.messageBytesMax ?? 6 * 1024 * 1024
  const transports = new Map<string, Transport>()
  const proxies = new Map<string, TcpProxy>()
  const proxy = async (from: string, to: string): Promise<TcpProxy> => {
    const target = transports.get(to)?.address ?? ''
    const known = proxies.get(`${from} ${to}`)
    if (known?.target === target) return known
    await known?.close()
    const made = await new TcpProxy(target).listen()
    proxies.set(`${from} ${to}`, made)
    return made
  }
  const between = (one: string, other: string): TcpProxy[] =>
    [proxies.get(`${one} ${other}`), proxies.get(`${other} ${one}`)].filter((found) => found !== undefined)
  return {
    createTransport: (id) => {
      const transport = new GrpcTransport({
        listen: '127.0.0.1:0',
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
    cut: (one, other) => between(one, other).forEach((found) => void found.cut()),
    heal: (one, other) => between(one, other).forEach((found) => void found.heal()),
    windowBytes,
    stall: (one, other) => between(one, other).forEach((found) => void found.stall()),
    resume: (one, other) => between(one, other).forEach((found) => void found.resume()),
    messageBytesMax,
    sendRaw: (to, bytes) => sendRaw(transports.get(to)?.address ?? '', bytes),
    corrupt: (from, to) => between(from, to).forEach((found) => void found.corruptNext()),
    inject: async (from, to, bytes) => {
      for (const found of between(from, to)) found.inject(bytes)
    },
    close: async () => {
      for (const found of proxies.values()) await found.close()
    },
  }
}
