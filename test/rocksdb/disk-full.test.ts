/** A full disk, with a real file system: writes fail permanently, and acknowledged data survives. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isRaftError } from '../../src/errors.ts'
import { encodeCommands } from '../../src/log-format/block.ts'
import { RocksDBStorage } from '../../src/rocksdb/index.ts'
import { IDENTITY } from '../storage/directory-fixture.ts'

const INFO = {
  id: 's',
  index: 1,
  term: 1,
  chain: 9,
  membership: { members: [], voters: [], outgoing: [], learners: [] },
  size: 0,
}

describe('a storage on a full disk', () => {
  let mount = ''

  before(() => {
    mount = mountTiny()
    if (mount === '') console.log('    (skipped: this process may not mount a small disk)')
  })
  after(() => {
    if (mount === '') return
    execFileSync('umount', [mount])
    rmSync(mount, { recursive: true })
  })

  for (const { size, writeBufferBytes } of [
    { size: 1000, writeBufferBytes: 256 * 1024 },
    { size: 100_000, writeBufferBytes: 4 * 1024 * 1024 },
  ])
    it(`rejects a write of ${size} bytes before RocksDB blocks for lack of space`, async () => {
      if (mount === '') return
      const directory = join(mount, `small-${size}`)
      const storage = new RocksDBStorage({ directory, writeBufferBytes })
      await storage.open(IDENTITY)
      const acknowledged = await fill(storage, size)
      await storage.close()
      const again = new RocksDBStorage({ directory, writeBufferBytes })
      assert.equal((await again.open(IDENTITY)).blocks.length, acknowledged)
      await again.close()
      await rm(directory, { recursive: true })
    })

  it('stays failed after a failed write, and has all acknowledged data after a restart with free space', async () => {
    if (mount === '') return
    const directory = join(mount, 'log')
    const storage = new RocksDBStorage({ directory })
    await storage.open(IDENTITY)
    let acknowledged = 0
    const failure = await (async () => {
      for (;;) {
        await storage.write(writeOf(acknowledged + 1))
        acknowledged++
      }
    })().catch((error: unknown) => error)
    assert.ok(isRaftError(failure, 'ERR_RAFT_NO_SPACE'), String(failure))
    assert.match(failure.hint ?? '', /free disk space/)
    await rm(join(mount, 'ballast'))
    await assert.rejects(storage.write(writeOf(acknowledged + 1)), failure)
    await storage.close()
    const again = new RocksDBStorage({ directory })
    assert.equal((await again.open(IDENTITY)).blocks.length, acknowledged)
    await again.write(writeOf(acknowledged + 1))
    await again.close()
  })

  it('removes the file of a failed snapshot, and continues to write the log', async () => {
    if (mount === '') return
    const storage = new RocksDBStorage({ directory: join(mount, 'snapshot') })
    await storage.open(IDENTITY)
    await storage.write(writeOf(1))
    const writer = await storage.snapshots.create(INFO)
    await assert.rejects(writer.write(Buffer.alloc(64 * 1024 * 1024)), (error) =>
      isRaftError(error, 'ERR_RAFT_NO_SPACE'),
    )
    await writer.discard()
    assert.deepEqual(await storage.snapshots.list(), [])
    await storage.write(writeOf(2))
    await storage.close()
  })

  it('does not open if the directory cannot be created', async () => {
    if (mount === '') return
    await writeFile(join(mount, 'ballast-2'), Buffer.alloc(64 * 1024 * 1024)).catch(() => undefined)
    const storage = new RocksDBStorage({ directory: join(mount, 'none') })
    await assert.rejects(storage.open(IDENTITY), (error) => isRaftError(error, 'ERR_RAFT_NO_SPACE'))
    await storage.close()
  })
})

/** Writes until the disk is full; returns the number of acknowledged writes. */
async function fill(storage: RocksDBStorage, size: number): Promise<number> {
  for (let acknowledged = 0; ; acknowledged++) {
    const failure = await storage.write(writeOf(acknowledged + 1, size)).catch((error: unknown) => error)
    if (isRaftError(failure, 'ERR_RAFT_NO_SPACE')) return acknowledged
    assert.equal(failure, undefined)
  }
}

function writeOf(index: number, size = 100_000) {
  const blocks = [encodeCommands(index, 1, [Buffer.alloc(size, `${index}`)])]
  return { blocks, hardState: { term: 1, votedFor: 'a', commitIndex: 0 }, isUrgent: true }
}

/** Mounts a disk of 40 MiB with 28 MiB of ballast; returns '' without the permission. Reopening needs the size of the log again. */
function mountTiny(): string {
  const path = mkdtempSync(join(tmpdir(), 'quorate-full-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', path], { stdio: 'ignore' })
    execFileSync('dd', ['if=/dev/zero', `of=${join(path, 'ballast')}`, 'bs=1M', 'count=28'], { stdio: 'ignore' })
    return path
  } catch {
    rmSync(path, { recursive: true, force: true })
    return ''
  }
}
