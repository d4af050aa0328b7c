import assert from 'node:assert/strict'
import { type Client, credentials, makeClientConstructor, type ServiceClientConstructor } from '@grpc/grpc-js'
import { GrpcServer } from '../../../src/grpc/grpc-server.ts'
import { healthService } from '../../../src/grpc/service/health-service.ts'
import { addReflection } from '../../../src/grpc/service/reflection-service.ts'
import { healthDefinition } from '../../../src/grpc/shared/service-definitions.ts'
import { serverReflection } from './reflection-client.ts'

type HealthClient = Client & {
  Check(request: object, callback: (error: { code: number } | null, response: { status: string }) => void): void
  Watch(request: object): AsyncIterable<{ status: string }> & { cancel(): void; on(event: string, f: () => void): void }
}

describe('the health service', () => {
  const services: Record<string, boolean> = { '': true, 'raft.Leader': false }
  let server: GrpcServer
  let client: HealthClient
  before(async () => {
    server = new GrpcServer({ listen: '127.0.0.1:0', shutdownGraceMs: 10_000 })
    const service = healthService(() => services)
    server.addService(service.definition, service.implementation)
    server.beforeClose(service.end)
    addReflection(server)
    await server.start()
    const Constructor = makeClientConstructor(healthDefinition(), 'Health') as ServiceClientConstructor
    client = new Constructor(server.address, credentials.createInsecure()) as unknown as HealthClient
  })
  after(() => {
    client.close()
    return server.close()
  })

  const check = (service: string): Promise<string> =>
    new Promise((resolve) => {
      client.Check({ service }, (error, response) => resolve(error === null ? response.status : String(error.code)))
    })

  it('answers what is served, and NOT_FOUND for an unknown service', async () => {
    assert.equal(await check(''), 'SERVING')
    assert.equal(await check('raft.Leader'), 'NOT_SERVING')
    assert.equal(await check('toString'), '5')
  })

  it('reports each change to a watcher', async () => {
    const watch = client.Watch({ service: 'raft.Leader' })
    const seen: string[] = []
    for await (const { status } of watch) {
      seen.push(status)
      services['raft.Leader'] = !services['raft.Leader']
      if (seen.length === 3) break
    }
    assert.deepEqual(seen, ['NOT_SERVING', 'SERVING', 'NOT_SERVING'])
  })

  it('tells the watcher of an unknown service', async () => {
    for await (const { status } of client.Watch({ service: 'none' })) {
      assert.equal(status, 'SERVICE_UNKNOWN')
      break
    }
  })

  it('is listed by reflection, with its file', async () => {
    const { services: listed, file } = await serverReflection(server.address, 'grpc.health.v1.Health')
    assert.ok(listed.includes('quorate.v1.Client') && listed.includes('grpc.health.v1.Health'), listed.join())
    assert.ok(!listed.some((name) => name.includes('Peer')), listed.join())
    assert.match(file.toString('latin1'), /HealthCheckRequest/)
  })

  it('ends its watchers when the server closes, without waiting for the grace period', async () => {
    const ended = (async () => {
      for await (const { status } of client.Watch({ service: '' })) assert.equal(status, 'SERVING')
    })()
    assert.equal(await check(''), 'SERVING')
    await server.close()
    await ended
  })
})
