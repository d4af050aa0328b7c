/** Which storage keeps the log of a directory: the one it has, the one that is asked for, or the default; a wrong one is refused. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStorage } from '../src/engines.ts'
import { isRaftError } from '../src/errors.ts'

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
