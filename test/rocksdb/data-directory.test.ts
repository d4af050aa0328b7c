/** A data directory: how it is made, whole or not at all, and who is named when somebody else has it. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { RocksDBStorage } from '../../src/rocksdb/index.ts'
import type { RocksDBFixture } from './rocksdb-fixture.ts'
import { IDENTITY, open, openError, rocksdbFixture } from './rocksdb-fixture.ts'

describe('the data directory', () => {
  let place: RocksDBFixture

  beforeEach(async () => {
    place = await rocksdbFixture()
  })
  afterEach(() => place.destroy())

  describe('is made', () => {
    it('with its parents', async () => {
      const directory = join(place.directory(), 'deep', 'down')
      const storage = new RocksDBStorage({ directory })
      assert.equal((await storage.open(IDENTITY)).isNew, true)
      await storage.close()
      assert.deepEqual((await readdir(directory)).sort(), [
        'IDENTITY',
        'hard-state-a',
        'hard-state-b',
        'log',
        'snapshots',
      ])
    })

    it('in an empty mount point, whatever lies there beside', async () => {
      await mkdir(join(place.directory(), 'lost+found'), { recursive: true })
      const storage = await open(place)
      await storage.close()
    })

    it('again from the start when a crash interrupted the making, at any step', async () => {
      await (await open(place)).close()
      const whole = place.directory()
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
      it(`unless there is ${what}, and says where`, async () => {
        await mkdir(place.directory(), { recursive: true })
        const directory = join(place.directory(), path)
        await prepare(directory)
        const error = await openError(new RocksDBStorage({ directory }), 'ERR_RAFT_DATA_DIR_ACCESS')
        assert.ok(error.message.includes(directory), error.message)
      })
  })

  describe('in use names its owner', () => {
    it('of a directory in use: pid, host, node and since when', async () => {
      await open(place)
      const error = await openError(place.createStorage(), 'ERR_RAFT_DATA_DIR_LOCKED')
      assert.match(error.message, new RegExp(`pid ${process.pid}\\), node a, host .+, since 20`))
      assert.equal(error.details.pid, process.pid)
    })

    it('which is another process', async function () {
      this.timeout(20_000)
      const other = spawnHolder(place.directory())
      try {
        await other.isHolding
        const error = await openError(place.createStorage(), 'ERR_RAFT_DATA_DIR_LOCKED')
        assert.match(error.message, new RegExp(`owner: pid ${other.pid}, node a`))
      } finally {
        other.kill()
        await other.isGone
      }
      const storage = await open(place)
      assert.equal(JSON.parse(await readFile(join(place.directory(), 'OWNER'), 'utf8')).pid, process.pid)
      await storage.close()
      await assert.rejects(access(join(place.directory(), 'OWNER')))
    })

    it('and leaves no OWNER behind when it refuses', async () => {
      await (await open(place)).close()
      for (const name of ['hard-state-a', 'hard-state-b']) await rm(join(place.directory(), name))
      await openError(place.createStorage(), 'ERR_RAFT_CORRUPT')
      await assert.rejects(access(join(place.directory(), 'OWNER')))
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
