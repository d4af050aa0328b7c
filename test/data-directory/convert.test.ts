/** A conversion of a data directory to the other engine keeps everything, and a crash at any moment leaves one of the two whole. */
import assert from 'node:assert/strict'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Conversion, ConvertOptions } from '../../src/data-directory/convert.ts'
import { convertDirectory } from '../../src/data-directory/convert.ts'
import type { EngineName } from '../../src/data-directory/data-directory.ts'
import { DataDirectory } from '../../src/data-directory/data-directory.ts'
import { isRaftError } from '../../src/errors.ts'
import { loadBinding } from '../../src/rocksdb/binding.ts'
import { openRocksDBFiles, RocksDBStorage } from '../../src/rocksdb/rocksdb-storage.ts'
import { openSegmentFiles, SegmentStorage } from '../../src/segments/segment-storage.ts'
import { watchFiles } from '../../src/testing/disk/watched-files.ts'
import { FaultyDisk } from '../rocksdb/faulty-disk.ts'
import type { Acknowledged } from '../rocksdb/history.ts'
import { emptyHistory, verify, writeHistory } from '../rocksdb/history.ts'
import { copyDirectory, flipBit, IDENTITY, temporaryDirectory } from '../storage/directory-fixture.ts'

const ENGINES: readonly EngineName[] = ['rocksdb', 'segments']
const SEGMENT_BYTES = 64 * 1024

for (const from of ENGINES) {
  const to: EngineName = from === 'rocksdb' ? 'segments' : 'rocksdb'
  describe(`a conversion from ${from} to ${to}`, function () {
    this.timeout(240_000)
    let root: string
    let unwatch: () => void
    let disk: FaultyDisk
    let acknowledged: Acknowledged
    before(async () => {
      root = await temporaryDirectory()
      disk = new FaultyDisk()
      unwatch = await watchFiles(root, disk)
      acknowledged = emptyHistory()
      const storage = storageIn('source', from)
      await storage.open(IDENTITY)
      await writeHistory(storage, acknowledged)
      await storage.close()
    })
    after(async () => {
      unwatch()
      await rm(root, { recursive: true, force: true })
    })

    function storageIn(name: string, engine: EngineName): RocksDBStorage | SegmentStorage {
      const directory = join(root, name)
      if (engine === 'segments') return new SegmentStorage({ directory, segmentBytes: SEGMENT_BYTES })
      return new RocksDBStorage({ directory, binding: disk.wrapBinding(loadBinding()) })
    }

    function convert(name: string, changes: Partial<ConvertOptions> = {}): Promise<Conversion> {
      const engines: ConvertOptions['engines'] = {
        rocksdb: (directory, mustExist) =>
          openRocksDBFiles(directory, mustExist, {
            directory: directory.path,
            binding: disk.wrapBinding(loadBinding()),
          }),
        segments: (directory, mustExist) =>
          openSegmentFiles(directory, mustExist, { directory: directory.path, segmentBytes: SEGMENT_BYTES }),
      }
      return convertDirectory(new DataDirectory(join(root, name)), { to, engines, keepsOld: false, ...changes })
    }

    const copyOf = (name: string): Promise<void> => copyDirectory(join(root, 'source'), join(root, name))
    const engineOf = (name: string) => new DataDirectory(join(root, name)).engine()

    async function assertWhole(name: string): Promise<void> {
      const engine = await engineOf(name)
      assert.ok(engine !== undefined)
      const storage = storageIn(name, engine)
      try {
        await verify(storage, await storage.open(IDENTITY), acknowledged)
      } finally {
        await storage.close()
      }
    }

    it('keeps the log, the snapshots, term and vote, the identity and the boots', async () => {
      await copyOf('whole')
      const boots = await readFile(join(root, 'whole', 'BOOTS'), 'utf8')
      const identity = await new DataDirectory(join(root, 'whole')).requireIdentity()
      const steps: [number, number][] = []
      const result = await convert('whole', { onProgress: (...step) => steps.push(step) })
      const bytes = acknowledged.blocks.reduce((sum, { size }) => sum + size, 0)
      const [blocks, snapshots] = [acknowledged.blocks.length, 1]
      assert.deepEqual(
        { ...result, entries: undefined },
        {
          ...{ nodeId: 'a', from, to, isChanged: true, blocks, bytes, snapshots, entries: undefined },
          ...{ kept: undefined, hasRemoved: true },
        },
      )
      assert.deepEqual(steps.at(-1), [2 * bytes, 2 * bytes])
      assert.equal(await readFile(join(root, 'whole', 'BOOTS'), 'utf8'), boots)
      assert.deepEqual(await new DataDirectory(join(root, 'whole')).requireIdentity(), { ...identity, engine: to })
      assert.ok(!(await readdir(join(root, 'whole'))).includes(from === 'rocksdb' ? 'log' : 'segments'))
      await assertWhole('whole')
    })

    it('marks the end of the new log, so that its loss is detected', async () => {
      await copyOf('marked')
      const record = async () => JSON.parse((await readFile(join(root, 'marked', 'hard-state-a'), 'utf8')).slice(8))
      const before = await record()
      await convert('marked')
      assert.ok((await record()).logWrite > before.logWrite)
      assert.equal((await record()).lastIndex, before.lastIndex)
    })

    it('leaves a log that can be written, and converted back', async () => {
      await copyOf('back')
      await convert('back')
      const more = structuredClone(acknowledged)
      const storage = storageIn('back', to)
      await storage.open(IDENTITY)
      await writeHistory(storage, more)
      await storage.close()
      await convert('back', { to: from })
      const again = storageIn('back', from)
      await verify(again, await again.open(IDENTITY), more)
      await again.close()
    })

    it('does nothing if the directory has this engine already', async () => {
      await copyOf('same')
      const { isChanged, hasRemoved } = await convert('same', { to: from })
      assert.deepEqual({ isChanged, hasRemoved }, { isChanged: false, hasRemoved: false })
      await assertWhole('same')
    })

    it('keeps the old files if asked, but not over files kept before', async () => {
      await copyOf('kept')
      const { kept } = await convert('kept', { keepsOld: true })
      assert.equal(kept, join(root, 'kept', from === 'rocksdb' ? 'log.kept' : 'segments.kept'))
      assert.notDeepEqual(await readdir(kept), [])
      await assertWhole('kept')
      // Repeated, as after a crash at its end.
      assert.equal((await convert('kept', { keepsOld: true })).isChanged, false)
      await convert('kept', { to: from })
      await assert.rejects(convert('kept', { keepsOld: true }), (error) => isRaftError(error, 'ERR_RAFT_OPTIONS'))
    })

    it('is rejected while a node uses the directory', async () => {
      await copyOf('used')
      const storage = storageIn('used', from)
      await storage.open(IDENTITY)
      await assert.rejects(convert('used'), (error) => isRaftError(error, 'ERR_RAFT_DATA_DIR_LOCKED'))
      await storage.close()
    })

    it('keeps nodes out until it has ended', async () => {
      await copyOf('starting')
      const attempts: Promise<unknown>[] = []
      const open = (engine: EngineName): void => {
        attempts.push(
          storageIn('starting', engine)
            .open(IDENTITY)
            .then(
              () => assert.fail('it opened'),
              (error) => assert.ok(isRaftError(error), String(error)),
            ),
        )
      }
      await convert('starting', {
        onProgress: () => {
          for (const engine of ENGINES) open(engine)
        },
      })
      await Promise.all(attempts)
      assert.ok(attempts.length > 0)
      await assertWhole('starting')
    })

    it('of a damaged log is rejected, and changes nothing', async () => {
      await copyOf('damaged')
      const snapshots = join(root, 'damaged', 'snapshots')
      await flipBit(join(snapshots, (await readdir(snapshots))[0] as string), 300_000)
      await assert.rejects(convert('damaged'), (error) => isRaftError(error, 'ERR_RAFT_CORRUPT'))
      assert.equal(await engineOf('damaged'), from)
      assert.ok(!(await readdir(join(root, 'damaged'))).includes(to === 'rocksdb' ? 'log' : 'segments'))
    })

    it('that a full disk stops leaves the directory as it was', async () => {
      await copyOf('full')
      await assert.rejects(
        convert('full', {
          onProgress: () => {
            disk.isFull = true
          },
        }),
        (error) => isRaftError(error, 'ERR_RAFT_NO_SPACE') && error.hint?.includes('convert again') === true,
      )
      disk.isFull = false
      assert.equal(await engineOf('full'), from)
      await assertWhole('full')
    })

    it('that crashes at any moment leaves the old or the new directory whole, and can be repeated', async () => {
      const engines = new Set<EngineName | undefined>()
      for (let moment = 0; ; moment += 3) {
        const [name, crashed] = [`crash-${moment}`, `crash-${moment}-left`]
        await copyOf(name)
        const ended = !(await disk.crashWithin(
          () => convert(name),
          moment,
          async (left) => {
            await copyDirectory(join(root, name), join(root, crashed))
            disk.dropUnsynced(join(root, name), join(root, crashed), left)
          },
        ))
        if (ended) {
          assert.ok(moment > 20, `${moment} moments`)
          break
        }
        engines.add(await engineOf(crashed))
        if (moment % 2 === 0) await assertWhole(crashed)
        await convert(crashed)
        assert.equal(await engineOf(crashed), to)
        assert.ok(!(await readdir(join(root, crashed))).includes(from === 'rocksdb' ? 'log' : 'segments'))
        await assertWhole(crashed)
        await rm(join(root, name), { recursive: true, force: true })
        await rm(join(root, crashed), { recursive: true, force: true })
      }
      assert.deepEqual(engines, new Set([from, to]))
    })
  })
}
