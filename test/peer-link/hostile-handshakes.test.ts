/** What comes instead of a TLS handshake, or as half of one, costs the node a connection for a bounded time, and peers their links never. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Transport } from '../../src/contracts/transport.ts'
import { LINK_PREFACE } from '../../src/tcp/frame-format.ts'
import { RecordingHost } from '../../src/testing/contracts/transport/recording-host.ts'
import { PEER } from './hostile-sessions.ts'
import type { TransportKind } from './transport-fixture.ts'
import { makeTransport, TRANSPORT_KINDS } from './transport-fixture.ts'

const CONNECTIONS_MAX = 16
const GREETING_TIMEOUT_MS = 250

describe('the TLS port of a node', () => {
  const closing: (() => unknown)[] = []
  let hello: Buffer
  before(async () => {
    hello = await clientHello()
  })
  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
  })

  const start = async (kind: TransportKind, id: string): Promise<{ transport: Transport; host: RecordingHost }> => {
    const limits = { connectionsMax: CONNECTIONS_MAX, greetingTimeoutMs: GREETING_TIMEOUT_MS, handshakeTimeoutMs: 2000 }
    const transport = makeTransport(kind, id, { tls: PEER, ...limits })
    closing.push(() => transport.close())
    const host = new RecordingHost({ clusterId: 'test', nodeId: id, directoryId: `disk-of-${id}` })
    await transport.start(host)
    return { transport, host }
  }
  const send = async (address: string, bytes: Uint8Array): Promise<{ socket: Socket; closed: Promise<unknown> }> => {
    const socket = connect(Number(address.split(':')[1]), '127.0.0.1')
    socket.on('error', () => undefined).resume()
    const closed = new Promise((resolve) => socket.once('close', resolve))
    closing.push(() => socket.destroy())
    await new Promise((resolve) => socket.once('connect', resolve))
    socket.write(bytes)
    return { socket, closed }
  }
  const link = async (to: { transport: Transport; host: RecordingHost }, kind: TransportKind): Promise<void> => {
    const { transport, host } = await start(kind, 'n2')
    transport.setPeers(new Map([['n1', to.transport.address]]))
    await host.until('a link', () => host.isConnected('n1'))
    await to.host.until('a link', () => to.host.isConnected('n2'))
  }

  for (const kind of TRANSPORT_KINDS) {
    for (const { what, bytes } of [
      { what: 'random bytes', bytes: () => randomBytes(10_000) },
      { what: 'zeros', bytes: () => Buffer.alloc(100_000) },
      { what: 'an HTTP/1 request', bytes: () => Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n') },
      { what: 'half a preface of a peer', bytes: () => Buffer.from(LINK_PREFACE.slice(0, 4)) },
      { what: 'half a client hello', bytes: () => hello.subarray(0, hello.length >> 1) },
      { what: 'a client hello and no more', bytes: () => hello },
      { what: 'a client hello and random bytes', bytes: () => Buffer.concat([hello, randomBytes(10_000)]) },
      { what: 'a record of 16 KiB of which one byte comes', bytes: () => Buffer.from('160301400001', 'hex') },
    ])
      it(`closes a connection with ${what} after greetingTimeoutMs, over ${kind}, and links to a peer`, async () => {
        const node = await start(kind, 'n1')
        const startedAt = performance.now()
        await (await send(node.transport.address, bytes())).closed
        assert.ok(performance.now() - startedAt < 20 * GREETING_TIMEOUT_MS)
        assert.deepEqual(node.host.callsOfType('admit'), [])
        await link(node, kind)
      })

    it(`lets a peer in while half handshakes have every connection, over ${kind}, and keeps its link then`, async () => {
      const node = await start(kind, 'n1')
      const flood = Array.from({ length: CONNECTIONS_MAX }, () => send(node.transport.address, hello))
      await Promise.all(flood)
      await link(node, kind)
      const more = await Promise.all(flood.map(() => send(node.transport.address, hello)))
      await Promise.all(more.map(({ closed }) => closed))
      assert.ok(node.host.isConnected('n2'))
      assert.deepEqual(node.host.callsOfType('peerLost'), [])
    })
  }
})

/** What the other end of TLS receives first. */
async function clientHello(): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const received = new Promise<Buffer>((resolve) =>
    server.once('connection', (socket) => {
      socket.once('data', (bytes) => {
        resolve(bytes)
        socket.destroy()
      })
    }),
  )
  const { port } = server.address() as AddressInfo
  connectTls({ host: '127.0.0.1', port }).on('error', () => undefined)
  const bytes = await received
  server.close()
  return bytes
}
