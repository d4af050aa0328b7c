/** Which storage keeps the log of a directory: the one it has, the one that is asked for, or the default; a wrong one is refused. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ImmediateWriteOptions } from '../src/engines.ts'
import { openStorage } from '../src/engines.ts'
import { isRaftError } from '../src/errors.ts'
import { encodeCommands } from '../src/log-format/block.ts'

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
    const storage = await openStorage(directory, wanted)
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

  it('makes no write on the thread of JavaScript with 0, or if the heartbeat interval is too short for any', async () => {
    assert.equal(await immediateWrites({ immediateWriteBytesMax: 0 }), 0)
    assert.equal(await immediateWrites({ immediateWriteBytesMax: 4096, heartbeatIntervalMs: 1e-6 }), 0)
  })

  it('refuses a limit of such writes with RocksDB, also if the directory only has it by default, and creates nothing', async () => {
    for (const wanted of ['rocksdb', undefined] as const)
      await assert.rejects(openStorage(directory, wanted, { immediateWriteBytesMax: 0 }), (error) => {
        assert.ok(isRaftError(error, 'ERR_RAFT_OPTIONS'), String(error))
        assert.match(error.message, /immediateWriteBytesMax is only for storage 'segments', and RocksDB keeps this log/)
        return true
      })
    assert.deepEqual(await readdir(directory), [])
  })

  /** More small writes than have to be fast. Returns how many were made on the thread of JavaScript. */
  async function immediateWrites(options: ImmediateWriteOptions): Promise<number | undefined> {
    const storage = await openStorage(await mkdtemp(join(directory, 'node-')), 'segments', options)
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
