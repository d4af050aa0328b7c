/** The gRPC port of a node: it is bound exclusively, fails with a clear error, and shuts down in order. */
import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:net'
import type { ServiceDefinition } from '@grpc/grpc-js'
import { Client, credentials } from '@grpc/grpc-js'
import { GrpcServer } from '../../src/grpc/grpc-server.ts'

const same = (bytes: Buffer): Buffer => bytes
const echo: ServiceDefinition = {
  stream: {
    path: '/test.Echo/Stream',
    requestStream: true,
    responseStream: true,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  },
}

describe('the gRPC server', () => {
  it('binds a free port and reports its address', async () => {
    const server = new GrpcServer({ listen: '127.0.0.1:0' })
    assert.equal(server.address, '')
    await server.start()
    assert.match(server.address, /^127\.0\.0\.1:[1-9]\d*$/)
    await server.close()
  })

  it('reports the address of a port in use', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const listen = `127.0.0.1:${(other.address() as AddressInfo).port}`
    const server = new GrpcServer({ listen })
    await assert.rejects(server.start(), {
      code: 'ERR_RAFT_PORT_IN_USE',
      message: `${listen} is in use by another process`,
    })
    await server.close()
    other.close()
  })

  it('fails if one of the two addresses of a host name is in use', async () => {
    const other = createServer().listen(0, 'localhost')
    await new Promise((resolve) => other.once('listening', resolve))
    const server = new GrpcServer({ listen: `localhost:${(other.address() as AddressInfo).port}` })
    await assert.rejects(server.start(), { code: 'ERR_RAFT_PORT_IN_USE' })
    await server.close()
    other.close()
  })

  for (const { listen, expected } of [
    { listen: '192.0.2.1:7001', expected: /does not have that address/ },
    { listen: 'no-such-host.invalid:7001', expected: /the host name is unknown/ },
  ])
    it(`reports why it cannot listen on ${listen}`, async () => {
      const server = new GrpcServer({ listen })
      await assert.rejects(server.start(), { code: 'ERR_RAFT_LISTEN', message: expected })
      await server.close()
    })

  for (const listen of ['', '7001', '127.0.0.1', '127.0.0.1:70000', 'http://a:1', 'a:b:1', ':7001'])
    it(`rejects '${listen}' as an address`, () => {
      assert.throws(() => new GrpcServer({ listen }), { code: 'ERR_RAFT_LISTEN', message: /is not host:port/ })
    })

  it('requires `advertise` if it listens on every interface', async () => {
    assert.throws(() => new GrpcServer({ listen: '0.0.0.0:0' }), { code: 'ERR_RAFT_OPTIONS' })
    assert.throws(() => new GrpcServer({ listen: '[::]:0' }), { code: 'ERR_RAFT_OPTIONS' })
    const server = new GrpcServer({ listen: '0.0.0.0:0', advertise: 'n1.example:7001' })
    await server.start()
    assert.equal(server.address, 'n1.example:7001')
    await server.close()
  })

  it('closes within the grace period although a stream stays open', async () => {
    const server = new GrpcServer({ listen: '127.0.0.1:0', shutdownGraceMs: 50 })
    server.addService(echo, { stream: () => undefined })
    await server.start()
    const client = new Client(server.address, credentials.createInsecure())
    const call = client.makeBidiStreamRequest('/test.Echo/Stream', same, same)
    const ended = new Promise((resolve) => call.once('error', resolve))
    call.write(Buffer.from('x'))
    call.resume()
    await new Promise<void>((resolve, reject) =>
      client.waitForReady(Date.now() + 2000, (error) => (error ? reject(error) : resolve())),
    )
    await server.close()
    await ended
    client.close()
  })

  it('releases its port when it closes, also while it starts, and cannot be started again', async () => {
    const server = new GrpcServer({ listen: '127.0.0.1:0' })
    await server.start()
    const port = Number(server.address.split(':')[1])
    await Promise.all([server.close(), server.close()])
    const refused = await new Promise((resolve) => connect(port, '127.0.0.1').once('error', resolve))
    assert.equal((refused as NodeJS.ErrnoException).code, 'ECONNREFUSED')
    const startingServer = new GrpcServer({ listen: '127.0.0.1:0' })
    const starting = assert.rejects(startingServer.start(), { code: 'ERR_RAFT_CLOSED' })
    await startingServer.close()
    await starting
    const closedServer = new GrpcServer({ listen: '127.0.0.1:0' })
    await closedServer.close()
    await assert.rejects(closedServer.start(), { code: 'ERR_RAFT_CLOSED' })
  })
})
