/** Every adapter rejects options that it does not know or cannot use, all of them at once, before it does anything. */
import assert from 'node:assert/strict'
import { NodeChecks } from '../../src/checks/node-checks.ts'
import { GrpcTransport, grpcChannelFactory } from '../../src/grpc/index.ts'
import { dashboardRoutes, NodeFeed, serveHttp } from '../../src/http/index.ts'
import { RocksDBStorage } from '../../src/rocksdb/index.ts'

// The compiler rejects these options; a program in JavaScript has no compiler.
const transport = (options: object) => new GrpcTransport({ listen: '127.0.0.1:0', ...options })
const channels = (options: object) => grpcChannelFactory(options)
const storage = (options: object) => new RocksDBStorage({ directory: 'never-created', ...options })

describe('the options of an adapter', () => {
  for (const { adapter, create, misspelt, meant, invalid } of [
    {
      adapter: 'GrpcTransport',
      create: transport,
      misspelt: 'reconectMaxMs',
      meant: 'reconnectMaxMs',
      invalid: { keepaliveTimeMs: -1 },
    },
    {
      adapter: 'grpcChannelFactory',
      create: channels,
      misspelt: 'timeoutMS',
      meant: 'timeoutMs',
      invalid: { connectTimeoutMs: '2s' },
    },
    {
      adapter: 'RocksDBStorage',
      create: storage,
      misspelt: 'cacheByte',
      meant: 'cacheBytes',
      invalid: { binding: 'rocksdb' },
    },
    {
      adapter: 'serveHttp',
      create: (options: object) => serveHttp({ listen: '127.0.0.1:0', routes: {}, ...options }),
      misspelt: 'headersTimeout',
      meant: 'headersTimeoutMs',
      invalid: { httpConnectionsMax: 0, routes: 1 },
    },
    {
      adapter: 'NodeFeed',
      create: (options: object) => new NodeFeed(options),
      misspelt: 'eventStreamMax',
      meant: 'eventStreamsMax',
      invalid: { dashboardIntervalMs: 0 },
    },
    {
      adapter: 'dashboardRoutes',
      create: (options: object) => dashboardRoutes(new NodeFeed(), options),
      misspelt: 'eventStreamMax',
      meant: 'eventStreamsMax',
      invalid: { head: 1 },
    },
    {
      adapter: 'NodeChecks',
      create: (options: object) => new NodeChecks(options),
      misspelt: 'lagEntries',
      meant: 'lagEntriesMax',
      invalid: { now: 1 },
    },
  ])
    it(`are checked by ${adapter}: unknown names and invalid values`, () =>
      assert.rejects(
        async () => create({ [misspelt]: 1, ...invalid }),
        (error: Error & { readonly code?: string }) => {
          assert.equal(error.code, 'ERR_RAFT_OPTIONS')
          assert.match(error.message, new RegExp(`${misspelt} is not an option; did you mean ${meant}\\?`))
          for (const name of Object.keys(invalid)) assert.match(error.message, new RegExp(`${name} must be `))
          return true
        },
      ))

  it('have their default if they are undefined', async () => {
    const server = await serveHttp({
      listen: '127.0.0.1:0',
      routes: {},
      ...({ httpConnectionsMax: undefined } as object),
    })
    const status = async (): Promise<number> => (await fetch(`http://${server.address}/`)).status
    assert.deepEqual(await Promise.all([status(), status()]), [404, 404])
    await server.close()
  })
})
