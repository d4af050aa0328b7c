/** Every adapter rejects options that it does not know or cannot use, all of them at once, before it does anything. */
import assert from 'node:assert/strict'
import { GrpcTransport, grpcChannelFactory } from '../../src/grpc/index.ts'
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
  ])
    it(`are checked by ${adapter}: unknown names and invalid values`, () => {
      assert.throws(
        () => create({ [misspelt]: 1, ...invalid }),
        (error: Error & { readonly code?: string }) => {
          assert.equal(error.code, 'ERR_RAFT_OPTIONS')
          assert.match(error.message, new RegExp(`${misspelt} is not an option; did you mean ${meant}\\?`))
          for (const name of Object.keys(invalid)) assert.match(error.message, new RegExp(`${name} must be `))
          return true
        },
      )
    })
})
