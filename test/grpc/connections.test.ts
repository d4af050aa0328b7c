/** The bounds of the incoming connections of a port, with real sockets. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import type { ServerUnaryCall, ServiceDefinition, sendUnaryData } from '@grpc/grpc-js'
import { Client, credentials } from '@grpc/grpc-js'
import type { ConnectionLimits } from '../../src/grpc/connection-limiter.ts'
import { GrpcServer } from '../../src/grpc/grpc-server.ts'

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
const echo: ServiceDefinition = { call: method('/test.Echo/Call'), greet: method('/quorate.v1.Peer/Greet') }

describe('the connections of a port', () => {
  let server: GrpcServer
  let calls = 0
  const closing: (() => void)[] = []

  const start = async (connections: Partial<ConnectionLimits>): Promise<void> => {
    calls = 0
    server = new GrpcServer({ listen: '127.0.0.1:0', shutdownGraceMs: 50, connections })
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
  const newPeer = () => caller('/quorate.v1.Peer/Greet')

  it('closes a connection without a hello or a call', async () => {
    await start({ greetingTimeoutMs: 30 })
    const sockets = await Promise.all([stranger(), stranger(), stranger()])
    sockets[1]?.write('GET / HTTP/1.1\r\n')
    sockets[2]?.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    const call = newClient()
    assert.equal(await call(), 'ok')
    await Promise.all(sockets.map((socket) => socket.closed || once(socket, 'close')))
    assert.equal(await call(), 'ok')
  })

  it('closes the oldest silent connection when a connection is one too many', async () => {
    await start({ connectionsMax: 2, peerConnectionsReserved: 0 })
    const first = await stranger()
    await stranger()
    const closed = once(first, 'close')
    await stranger()
    await closed
    assert.equal(await newClient()(), 'ok')
  })

  it('rejects a client that is one too many before its call runs', async () => {
    await start({ connectionsMax: 3, peerConnectionsReserved: 1 })
    const call = newClient()
    assert.equal(await call(), 'ok')
    assert.equal(await newClient()(), 'ok')
    assert.match(await newClient()(), /has 2 connections of clients/)
    assert.equal(calls, 2)
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

  it('bounds the clients of one address', async () => {
    await start({ connectionsPerAddressMax: 1 })
    assert.equal(await newClient()(), 'ok')
    assert.match(await newClient()(), /^127\.0\.0\.1 has 1 connections to this node; the limit is 1$/)
  })
})
