/** The command that converts a data directory: its result, its refusals, their exit codes. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EXIT } from '../../src/cli/exit-codes.ts'
import { SegmentStorage } from '../../src/segments/index.ts'
import { runInProcess } from '../e2e/command.ts'

describe('quorate data convert', () => {
  let directory: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'quorate-convert-'))
  })
  afterEach(() => rm(directory, { recursive: true, force: true }))

  async function create(): Promise<SegmentStorage> {
    const storage = new SegmentStorage({ directory })
    await storage.open({ clusterId: 'c', nodeId: 'n1' })
    return storage
  }

  it('says what it has done', async () => {
    await (await create()).close()
    const { exitCode, stdout } = await runInProcess(['data', 'convert', directory, '--to', 'rocksdb'])
    assert.equal(exitCode, EXIT.ok)
    assert.match(
      stdout,
      /: the log of n1 is now in RocksDB \(it was in segment files\)\n0 entries in 0 blocks of 0 bytes/,
    )
    assert.match(stdout, /the old files \(segment files\) are removed\n$/)
    const again = await runInProcess(['data', 'convert', directory, '--to', 'rocksdb', '-o', 'json'])
    const { schema, isChanged } = JSON.parse(again.stdout)
    assert.deepEqual({ schema, isChanged }, { schema: 'quorate.convert/v1', isChanged: false })
  })

  it('refuses the directory of a running node', async () => {
    const storage = await create()
    const { exitCode, stderr } = await runInProcess(['data', 'convert', directory, '--to', 'rocksdb'])
    await storage.close()
    assert.equal(exitCode, EXIT.tryAgain)
    assert.match(stderr, /^error\[ERR_RAFT_DATA_DIR_LOCKED\]: .* is in use; owner: this process/)
  })

  it('refuses what is not a data directory, and creates nothing', async () => {
    const { exitCode, stderr } = await runInProcess(['data', 'convert', join(directory, 'other'), '--to', 'rocksdb'])
    assert.equal(exitCode, EXIT.doNotRestart)
    assert.ok(!existsSync(join(directory, 'other')))
    assert.match(stderr, /^error\[ERR_RAFT_DATA_DIR_ACCESS\]: .* is not a data directory: it has no file IDENTITY/)
  })
})
