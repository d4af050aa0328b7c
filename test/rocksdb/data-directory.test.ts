/** A data directory is initialized completely or not at all, and an error about a lock names its owner. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { RocksDBStorage } from '../../src/rocksdb/index.ts'
import { IDENTITY } from '../storage/directory-fixture.ts'
import type { RocksDBFixture } from './rocksdb-fixture.ts'
import { open, openError, rocksdbFixture } from './rocksdb-fixture.ts'

describe('the data directory', () => {
  let fixture: RocksDBFixture

  beforeEach(async () => {
    fixture = await rocksdbFixture()
  })
  afterEach(() => fixture.destroy())

  describe('at the first open', () => {
    it('is created with its parents', async () => {
      const directory = join(fixture.directory(), 'deep', 'down')
      const storage = new RocksDBStorage({ directory })
      assert.equal((await storage.open(IDENTITY)).isNew, true)
      await storage.close()
      assert.deepEqual((await readdir(directory)).sort(), [
        'BOOTS',
        'IDENTITY',
        'hard-state-a',
        'hard-state-b',
        'log',
        'snapshots',
      ])
    })

    it('is created in a mount point with lost+found', async () => {
      await mkdir(join(fixture.directory(), 'lost+found'), { recursive: true })
      const storage = await open(fixture)
      await storage.close()
    })

    it('is initialized again if a crash interrupted the initialization at any step', async () => {
      await (await open(fixture)).close()
      const whole = fixture.directory()
      const steps = [
        [],
        ['hard-state-b'],
        ['hard-state-a', 'hard-state-b'],
        ['hard-state-a', 'hard-state-b', 'snapshots'],
      ]
      for (const [step, missing] of [...steps, ['hard-state-a', 'hard-state-b', 'snapshots', 'log']].entries()) {
        const directory = `${whole}-${step}`
        await cp(whole, directory, { recursive: true })
        await rename(join(directory, 'IDENTITY'), join(directory, 'IDENTITY.new'))
        for (const name of missing) await rm(join(directory, name), { recursive: true })
        const storage = new RocksDBStorage({ directory })
        assert.equal((await storage.open(IDENTITY)).isNew, true, `without ${missing}`)
        await storage.close()
      }
    })

    for (const { what, path, prepare } of [
      { what: 'a file in its place', path: 'file', prepare: (at: string) => writeFile(at, '') },
      { what: 'a file among its parents', path: 'file/below', prepare: (at: string) => writeFile(join(at, '..'), '') },
    ])
      it(`is rejected with its path if there is ${what}`, async () => {
        await mkdir(fixture.directory(), { recursive: true })
        const directory = join(fixture.directory(), path)
        await prepare(directory)
        const error = await openError(new RocksDBStorage({ directory }), 'ERR_RAFT_DATA_DIR_ACCESS')
        assert.ok(error.message.includes(directory), error.message)
      })
  })

  describe('in a file system that takes no new names', () => {
    for (const directory of ['/proc', '/proc/quorate', '/proc/quorate/n1'])
      it(`is rejected: ${directory}`, async function () {
        if (process.platform !== 'linux') return this.skip()
        const error = await openError(new RocksDBStorage({ directory }), 'ERR_RAFT_DATA_DIR_ACCESS')
        assert.ok(error.message.includes('/proc'), error.message)
        assert.match(error.hint ?? '', /choose another data directory/)
      })
  })

  describe('that is in use', () => {
    it('is rejected with pid, host, node and start time of the owner', async () => {
      await open(fixture)
      const error = await openError(fixture.createStorage(), 'ERR_RAFT_DATA_DIR_LOCKED')
      assert.match(error.message, new RegExp(`pid ${process.pid}\\), node a, host .+, since 20`))
      assert.equal(error.details.pid, process.pid)
    })

    it('is rejected with the pid of another process, and opens once that process has ended', async function () {
      this.timeout(20_000)
      const other = spawnHolder(fixture.directory())
      try {
        await other.isHolding
        const error = await openError(fixture.createStorage(), 'ERR_RAFT_DATA_DIR_LOCKED')
        assert.match(error.message, new RegExp(`owner: pid ${other.pid}, node a`))
      } finally {
        other.kill()
        await other.isGone
      }
      const storage = await open(fixture)
      assert.equal(JSON.parse(await readFile(join(fixture.directory(), 'OWNER'), 'utf8')).pid, process.pid)
      await storage.close()
      await assert.rejects(access(join(fixture.directory(), 'OWNER')))
    })

    it('keeps no OWNER file after a failed open', async () => {
      await (await open(fixture)).close()
      for (const name of ['hard-state-a', 'hard-state-b']) await rm(join(fixture.directory(), name))
      await openError(fixture.createStorage(), 'ERR_RAFT_CORRUPT')
      await assert.rejects(access(join(fixture.directory(), 'OWNER')))
    })
  })
})

/** Another process that has the directory open. */
function spawnHolder(directory: string) {
  const source = `
    import { RocksDBStorage } from ${JSON.stringify(new URL('../../src/rocksdb/index.ts', import.meta.url).href)}
    await new RocksDBStorage({ directory: ${JSON.stringify(directory)} }).open({ clusterId: 'cluster-1', nodeId: 'a' })
    console.log('holding')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return {
    pid: child.pid,
    isHolding: once(child.stdout, 'data'),
    isGone: once(child, 'exit'),
    kill: () => child.kill('SIGKILL'),
  }
}
