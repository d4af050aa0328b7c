/** The bounds of the incoming connections of a port, with real sockets. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import type { ServerUnaryCall, ServiceDefinition, sendUnaryData } from '@grpc/grpc-js'
import { Client, credentials } from '@grpc/grpc-js'
import { GrpcServer } from '../../src/grpc/grpc-server.ts'
import { GRPC_TRANSPORT_DEFAULTS, serverOptions } from '../../src/grpc/peer/transport-options.ts'
import type { ConnectionLimits } from '../../src/peer-link/connection-limiter.ts'
import { ConnectionReport, reportFewDescriptors } from '../../src/peer-link/connection-report.ts'

type Call = ServerUnaryCall<Buffer, Buffer>

const same = (bytes: Buffer): Buffer => bytes
const method = (path: string) => ({
  path,
  requestStream: false,
  responseStream: false,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
})
const echo: ServiceDefinition = { call: method('/test.Echo/Call'), greet: method('/quorate.v1.Peer/Link') }

describe('the connections of a port', () => {
  let server: GrpcServer
  let calls = 0
  let conditions: string[]
  const closing: (() => void)[] = []

  const start = async (connections: Partial<ConnectionLimits>): Promise<void> => {
    calls = 0
    conditions = []
    const onCondition = (code: string, facts: { readonly message: string } | undefined): void => {
      conditions.push(`${code}: ${facts?.message}`)
    }
    server = new GrpcServer({ listen: '127.0.0.1:0', shutdownGraceMs: 50, connections, onCondition })
    server.addService(echo, {
      call: (call: Call, callback: sendUnaryData<Buffer>) => {
        calls++
        callback(null, call.request)
      },
      greet: (call: Call, callback: sendUnaryData<Buffer>) => {
        server.markPeer(call)
        callback(null, call.request)
      },
    })
    await server.start()
  }
  afterEach(async () => {
    for (const close of closing.splice(0)) close()
    await server.close()
  })

  const stranger = async (): Promise<Socket> => {
    const socket = connect(Number(server.address.split(':')[1]), '127.0.0.1').on('error', () => undefined)
    closing.push(() => socket.destroy())
    await once(socket, 'connect')
    return socket.resume()
  }
  const caller = (path: string): (() => Promise<string>) => {
    const options = { 'grpc.use_local_subchannel_pool': 1, 'grpc.enable_retries': 0 }
    const client = new Client(server.address, credentials.createInsecure(), options)
    closing.push(() => client.close())
    return () =>
      new Promise((resolve) =>
        client.makeUnaryRequest(path, same, same, Buffer.from('x'), (error) => resolve(error?.details ?? 'ok')),
      )
  }
  const newClient = () => caller('/test.Echo/Call')
  const newPeer = () => caller('/quorate.v1.Peer/Link')

  it('closes a connection without a hello or a call', async () => {
    await start({ greetingTimeoutMs: 200 })
    const sockets = await Promise.all([stranger(), stranger(), stranger()])
    sockets[1]?.write('GET / HTTP/1.1\r\n')
    sockets[2]?.write('PRI * ')
    const call = newClient()
    assert.equal(await call(), 'ok')
    await Promise.all(sockets.map((socket) => socket.closed || once(socket, 'close')))
    assert.equal(await call(), 'ok')
    // HTTP/1 may be closed as malformed before that.
    assert.match(
      conditions.at(-1) ?? '',
      /^CONNECTIONS_CLOSED: .* [23] without a hello or a call within 200 ms; .* from 127/,
    )
  })

  it('closes a gRPC connection without a call, and does not report it: a channel connects again to a node that was away', async () => {
    await start({ greetingTimeoutMs: 30 })
    const session = connectHttp2(`http://${server.address}`).on('error', () => undefined)
    closing.push(() => session.destroy())
    await once(session, 'close')
    assert.deepEqual(conditions, [])
  })

  it('closes the oldest silent connection when a connection is one too many', async () => {
    await start({ connectionsMax: 2, peerConnectionsReserved: 0 })
    const first = await stranger()
    await stranger()
    const closed = once(first, 'close')
    await stranger()
    await closed
    assert.match(conditions[0] ?? '', /: 1 because the port has 2 already;/)
    assert.equal(await newClient()(), 'ok')
  })

  it('rejects a client that is one too many before its call runs', async () => {
    await start({ connectionsMax: 3, peerConnectionsReserved: 1 })
    const call = newClient()
    assert.equal(await call(), 'ok')
    assert.equal(await newClient()(), 'ok')
    assert.match(await newClient()(), /has 2 connections of clients/)
    assert.equal(calls, 2)
    assert.match(conditions[0] ?? '', /: 1 of clients at their first call/)
    assert.equal(await call(), 'ok')
  })

  it('keeps a place for peers that clients cannot take', async () => {
    await start({ connectionsMax: 2, peerConnectionsReserved: 1 })
    assert.equal(await newClient()(), 'ok')
    assert.match(await newClient()(), /has 1 connections/)
    const peer = newPeer()
    assert.equal(await peer(), 'ok')
    await stranger()
    assert.equal(await peer(), 'ok')
  })

  it('report what was closed as one condition, which ends once nothing is closed', async () => {
    const reported: (string | undefined)[] = []
    const ended = new Promise<void>((resolve) => {
      const report = new ConnectionReport((_, facts) => {
        reported.push(facts?.message)
        if (facts === undefined) resolve()
      }, 1)
      for (const reason of ['full', 'silent'] as const)
        report.onClosed(reason, '192.0.2.1', { connectionsMax: 7, greetingTimeoutMs: 5 })
    })
    await ended
    assert.match(reported[1] ?? '', /: 1 because the port has 7 already, 1 without .* from 192\.0\.2\.1$/)
    assert.equal(reported.length, 3)
  })

  it('report a limit of open files that is lower than recommended', () => {
    const reported: string[] = []
    for (const limit of [1023, 1024]) reportFewDescriptors((code) => reported.push(`${code} ${limit}`), limit)
    assert.deepEqual(reported, ['DESCRIPTORS_FEW 1023'])
  })

  it('bounds the streams of one connection', async () => {
    const options = serverOptions({ ...GRPC_TRANSPORT_DEFAULTS, streamsPerConnectionMax: 3 })
    server = new GrpcServer({ listen: '127.0.0.1:0', shutdownGraceMs: 50, options })
    await server.start()
    const session = connectHttp2(`http://${server.address}`).on('error', () => undefined)
    closing.push(() => session.destroy())
    const [{ maxConcurrentStreams }] = await once(session, 'remoteSettings')
    assert.equal(maxConcurrentStreams, 3)
  })

  it('bounds the clients of one address', async () => {
    await start({ connectionsPerAddressMax: 1 })
    assert.equal(await newClient()(), 'ok')
    assert.match(await newClient()(), /^127\.0\.0\.1 has 1 connections to this node; the limit is 1$/)
  })
})
