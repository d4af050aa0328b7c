/** Which storage keeps the log of a directory: the one it has, the one that is asked for, or the default; a wrong one is refused. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createRequire, Module } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ImmediateWriteOptions } from '../src/engines.ts'
import { chooseStorage } from '../src/engines.ts'
import { isRaftError } from '../src/errors.ts'
import { encodeCommands } from '../src/log-format/block.ts'
import { MemoryNetwork } from '../src/memory/memory-transport.ts'
import { logObserver } from '../src/runtime/log-observer.ts'
import { startNode } from '../src/start-node.ts'
import { Journal } from './runtime/virtual-cluster.ts'

const require = createRequire(import.meta.url)
const IDENTITY = { clusterId: 'cluster-1', nodeId: 'n1' }
const FOLDERS = { rocksdb: 'log', segments: 'segments' } as const

describe('the storage of a data directory', () => {
  let directory: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'quorate-engines-'))
  })
  afterEach(() => rm(directory, { recursive: true }))

  /** Opens and closes it. Returns its name. */
  async function opened(wanted?: 'rocksdb' | 'segments'): Promise<string> {
    const { storage } = await chooseStorage(directory, wanted)
    try {
      await storage.open(IDENTITY)
      return storage.name ?? ''
    } finally {
      await storage.close()
    }
  }

  it('is RocksDB if the directory is new and RocksDB loads', async () => {
    assert.equal(await opened(), 'rocksdb')
    assert.ok((await readdir(directory)).includes(FOLDERS.rocksdb))
  })

  describe('if RocksDB does not load', () => {
    const entry = require.resolve('rocksdb')
    const loaded = require.cache[entry]
    afterEach(() => {
      if (loaded === undefined) delete require.cache[entry]
      else require.cache[entry] = loaded
    })

    /** Makes `require` of the package throw. */
    function failWith(message: string): void {
      const failing = new Module(entry)
      Object.defineProperty(failing, 'exports', {
        get() {
          throw new Error(message)
        },
      })
      failing.loaded = true
      require.cache[entry] = failing
    }

    it('is segments if it is new, and the event `started` says why, in one bounded line', async () => {
      failWith(`libc.so.6: version GLIBC_9 not found\n  (required by\n ${'long '.repeat(100)})`)
      const lines: string[] = []
      const log = logObserver({ stream: { write: (line) => lines.push(line) }, json: false })
      const start = async (): Promise<string> => {
        const network = new MemoryNetwork().transport('n1')
        const members = { id: 'n1', peers: { n1: 'n1' }, cluster: 'cluster-1' }
        const stateMachine = new Journal()
        const node = await startNode<string, number, string, number>({
          ...{ ...members, dataDir: directory, transport: network, stateMachine, observers: [log] },
        })
        await node.close()
        return lines.splice(0).find((line) => line.includes('started:')) ?? ''
      }
      const [, reason = ''] = /storage=segments storageReason=(.*) peerTransport=/.exec(await start()) ?? []
      assert.match(
        reason,
        /rocksdb does not load on .*: Error: libc.so.6: version GLIBC_9 not found \(required by long.*…$/,
      )
      assert.equal(reason.length, 300)
      assert.match(await start(), /storage=segments peerTransport=/, 'the directory has segments now')
    })

    it('says nothing of RocksDB if it is not installed', async () => {
      const modules = Module as unknown as { _resolveFilename(name: string, ...more: unknown[]): string }
      const resolveFilename = modules._resolveFilename
      modules._resolveFilename = (name, ...more) => {
        if (name === 'rocksdb') throw new Error('not found')
        return resolveFilename(name, ...more)
      }
      try {
        const { storage, reason } = await chooseStorage(directory, undefined)
        assert.deepEqual([storage.name, reason], ['segments', undefined])
      } finally {
        modules._resolveFilename = resolveFilename
      }
    })
  })

  it('makes no write on the thread of JavaScript with 0, or if the heartbeat interval is too short for any', async () => {
    assert.equal(await immediateWrites({ immediateWriteBytesMax: 0 }), 0)
    assert.equal(await immediateWrites({ immediateWriteBytesMax: 4096, heartbeatIntervalMs: 1e-6 }), 0)
  })

  it('refuses a limit of such writes with RocksDB, also if the directory only has it by default, and creates nothing', async () => {
    for (const wanted of ['rocksdb', undefined] as const)
      await assert.rejects(chooseStorage(directory, wanted, { immediateWriteBytesMax: 0 }), (error) => {
        assert.ok(isRaftError(error, 'ERR_RAFT_OPTIONS'), String(error))
        assert.match(error.message, /immediateWriteBytesMax is only for storage 'segments', and RocksDB keeps this log/)
        return true
      })
    assert.deepEqual(await readdir(directory), [])
  })

  /** More small writes than have to be fast. Returns how many were made on the thread of JavaScript. */
  async function immediateWrites(options: ImmediateWriteOptions): Promise<number | undefined> {
    const { storage } = await chooseStorage(await mkdtemp(join(directory, 'node-')), 'segments', options)
    try {
      await storage.open(IDENTITY)
      const hardState = { term: 1, votedFor: undefined, commitIndex: 0 }
      await storage.write({ hardState, blocks: [], isUrgent: true })
      for (let index = 1; index <= 40; index++)
        await storage.write({ blocks: [encodeCommands(index, 1, [Buffer.from('a')])], isUrgent: true })
      return storage.immediateWrites
    } finally {
      await storage.close()
    }
  }

  for (const [engine, other] of [
    ['rocksdb', 'segments'],
    ['segments', 'rocksdb'],
  ] as const) {
    it(`stays ${engine} without a choice, and opening it as ${other} is refused and creates nothing`, async () => {
      assert.equal(await opened(engine), engine)
      assert.equal(await opened(), engine)
      await assert.rejects(opened(other), (error) => {
        assert.ok(isRaftError(error, 'ERR_RAFT_STORAGE_MISMATCH'), String(error))
        assert.deepEqual([error.details.onDisk, error.details.configured], [engine, other])
        assert.match(error.hint ?? '', new RegExp(`storage '${engine}'.*"quorate data convert"`))
        return true
      })
      const names = await readdir(directory)
      assert.deepEqual([names.includes(FOLDERS[engine]), names.includes(FOLDERS[other])], [true, false])
      assert.equal(await opened(), engine)
    })
  }
})
