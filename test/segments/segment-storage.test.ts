/** What the storage contract cannot see of segments: the line between an unfinished write and damage, recycling, the lock. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, open as openFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DataDirectory } from '../../src/data-directory/data-directory.ts'
import { EMPTY_RECORD } from '../../src/data-directory/hard-state-file.ts'
import { isRaftError } from '../../src/errors.ts'
import { encodeCommands } from '../../src/log-format/block.ts'
import { SYNCS_WRITES } from '../../src/segments/durable-writer.ts'
import { SegmentStorage } from '../../src/segments/index.ts'
import { openSegmentFiles } from '../../src/segments/segment-storage.ts'
import { FaultyFiles } from '../../src/testing/disk/faulty-files.ts'
import { PowerCutDirectory } from '../../src/testing/disk/power-cut-directory.ts'
import type { WatchedFile } from '../../src/testing/disk/watched-files.ts'
import { copyDirectory, IDENTITY } from '../storage/directory-fixture.ts'
import type { SegmentFixture } from './segment-fixture.ts'
import { segmentFixture } from './segment-fixture.ts'

const FIRST_SEGMENT = '0000000000000001.segment'
const HEADER_BYTES = 4096
const HARD_STATE = { term: 1, votedFor: 'a', commitIndex: 0 }

describe('the segment storage', () => {
  let fixture: SegmentFixture
  beforeEach(async () => {
    fixture = await segmentFixture()
  })
  afterEach(() => fixture.destroy())

  async function append(storage: SegmentStorage, first: number, bytes = 10): Promise<void> {
    const blocks = [encodeCommands(first, 1, [new Uint8Array(bytes).fill(first)])]
    await storage.write({ blocks, hardState: HARD_STATE, isUrgent: true })
  }

  /** Writes these entries, one per write, and returns a copy of the directory as a killed process leaves it. */
  async function killedAfter(entries: number, markDelayMs: number): Promise<string> {
    const storage = fixture.createStorage({ markDelayMs })
    await storage.open(IDENTITY)
    for (let first = 1; first <= entries; first++) await append(storage, first)
    const copy = `${fixture.directory()}-killed`
    await copyDirectory(fixture.directory(), copy)
    return copy
  }

  /** Changes a byte of the frame that has this number in its segment, from 0. */
  async function damageFrame(directory: string, frame: number): Promise<void> {
    const file = await openFile(join(directory, 'segments', FIRST_SEGMENT), 'r+')
    let position = HEADER_BYTES
    for (let at = 0; at < frame; at++) {
      const { buffer } = await file.read(Buffer.alloc(16), 0, 16, position)
      position += 96 + buffer.readUInt32LE(12)
    }
    await file.write(Buffer.of(0xff), 0, 1, position + 100)
    await file.close()
  }

  describe('once writes are made on the thread of JavaScript', () => {
    let storage: SegmentStorage
    let next: number

    beforeEach(async function () {
      if (!SYNCS_WRITES) this.skip()
      storage = fixture.createStorage()
      await storage.open(IDENTITY)
      // A disk that is slow for a moment delays it.
      for (next = 1; storage.immediateWrites === 0; next++) await append(storage, next)
    })

    /** The end of the log in what a killed process leaves. */
    async function lastAfterKill(): Promise<number | undefined> {
      const directory = `${fixture.directory()}-killed`
      await copyDirectory(fixture.directory(), directory)
      const { blocks } = await fixture.createStorage({ directory }).open(IDENTITY)
      return blocks.at(-1)?.first
    }

    it('has them on disk when they resolve', async () => {
      await append(storage, next)
      assert.equal(await lastAfterKill(), next)
    })

    it('stops for good when the disk is full, and loses nothing', async () => {
      const free = await fixture.fillDisk?.()
      await assert.rejects(append(storage, next), { code: 'ERR_RAFT_NO_SPACE' })
      free?.()
      await assert.rejects(append(storage, next), { code: 'ERR_RAFT_NO_SPACE' })
      assert.equal(await lastAfterKill(), next - 1)
    })

    it('stops for good when a write fails', async () => {
      await fixture.failWrites?.()
      await assert.rejects(append(storage, next), { code: 'ERR_RAFT_STORAGE' })
      await assert.rejects(append(storage, next + 1), { code: 'ERR_RAFT_STORAGE' })
    })
  })

  it('makes one call for each write, however many blocks it has, and two more with a sync each for a term', async () => {
    const disk = new CountedFiles()
    const directory = await PowerCutDirectory.on(disk)
    const storage = directory.register(new SegmentStorage({ directory: directory.path, markDelayMs: 60_000 }))
    await storage.open(IDENTITY)
    const costOf = async (first: number, term: number): Promise<readonly number[]> => {
      const [writes, syncs] = [disk.writes, disk.syncs]
      const blocks = [0, 1, 2].map((at) => encodeCommands(first + at, term, [new Uint8Array(1000)]))
      await storage.write({ blocks, hardState: { ...HARD_STATE, term }, isUrgent: true })
      return [disk.writes - writes, disk.syncs - syncs]
    }
    const ofBlocks = SYNCS_WRITES ? [1, 0] : [1, 1]
    assert.deepEqual(await costOf(1, 1), [(ofBlocks[0] as number) + 2, (ofBlocks[1] as number) + 2])
    assert.deepEqual(await costOf(4, 1), ofBlocks)
    await directory.fixture.destroy()
  })

  it('cuts off a last write that a crash interrupted, because it was never acknowledged', async () => {
    const directory = await killedAfter(3, 60_000)
    await damageFrame(directory, 2)
    const { blocks } = await fixture.createStorage({ directory }).open(IDENTITY)
    assert.equal(blocks.at(-1)?.first, 2)
  })

  it('rejects damage of a write that another one follows', async () => {
    const directory = await killedAfter(3, 60_000)
    await damageFrame(directory, 1)
    await assert.rejects(fixture.createStorage({ directory }).open(IDENTITY), (error) =>
      isRaftError(error, 'ERR_RAFT_CORRUPT'),
    )
  })

  it('rejects damage of the last write if it was closed', async () => {
    const storage = fixture.createStorage()
    await storage.open(IDENTITY)
    for (let first = 1; first <= 3; first++) await append(storage, first)
    await storage.close()
    await damageFrame(fixture.directory(), 2)
    await assert.rejects(fixture.createStorage().open(IDENTITY), (error) => {
      assert.ok(isRaftError(error, 'ERR_RAFT_CORRUPT'))
      assert.match(error.message, /damaged from 3 .*the last good one is 2/)
      return true
    })
  })

  it('continues after a last write that was cut off', async () => {
    const directory = await killedAfter(3, 60_000)
    await damageFrame(directory, 2)
    const again = fixture.createStorage({ directory })
    await again.open(IDENTITY)
    await append(again, 3)
    await append(again, 4)
    await again.close()
    const { blocks } = await fixture.createStorage({ directory }).open(IDENTITY)
    assert.deepEqual(
      blocks.map(({ first }) => first),
      [1, 2, 3, 4],
    )
  })

  it('opens a log whose frames are shorter and longer than what is read at a time', async () => {
    const sizes = [2_500_000, 700_000, 1_999_000, 5_000_000, 10, 2_097_000, 900_000, 3_000_000]
    const storage = fixture.createStorage({ segmentBytes: 16 * 1024 * 1024 })
    await storage.open(IDENTITY)
    for (const [offset, bytes] of sizes.entries()) await append(storage, offset + 1, bytes)
    const directory = `${fixture.directory()}-killed`
    await copyDirectory(fixture.directory(), directory)
    const again = fixture.createStorage({ directory })
    const { blocks } = await again.open(IDENTITY)
    assert.equal(blocks.length, sizes.length)
    for (const [offset, block] of (await again.read(1, Number.MAX_SAFE_INTEGER)).entries())
      assert.deepEqual(block, encodeCommands(offset + 1, 1, [new Uint8Array(sizes[offset] as number).fill(offset + 1)]))
  })

  it('finds a whole frame that starts megabytes after damage', async () => {
    const storage = fixture.createStorage({ segmentBytes: 16 * 1024 * 1024, markDelayMs: 60_000 })
    await storage.open(IDENTITY)
    await append(storage, 1, 2_500_000)
    await append(storage, 2, 1_000_000)
    const directory = `${fixture.directory()}-killed`
    await copyDirectory(fixture.directory(), directory)
    await damageFrame(directory, 0)
    await assert.rejects(fixture.createStorage({ directory }).open(IDENTITY), (error) =>
      isRaftError(error, 'ERR_RAFT_CORRUPT'),
    )
  })

  it('waits for a descriptor if the next segment or a snapshot cannot be opened', async () => {
    const storage = fixture.createStorage()
    await storage.open(IDENTITY)
    fixture.opensToFail = 3
    for (let first = 1; first <= 20; first++) await append(storage, first, 8000)
    assert.equal(fixture.opensToFail, 0)
    fixture.opensToFail = 3
    const info = { id: 's', index: 8, term: 1, chain: 9, size: 1, membership: NO_MEMBERS }
    await (await storage.snapshots.create(info)).discard()
    assert.equal(fixture.opensToFail, 0)
    assert.equal((await storage.read(1, 1))[0]?.first, 1)
  })

  it('uses the file of a segment without blocks again', async () => {
    const storage = fixture.createStorage()
    await storage.open(IDENTITY)
    for (let first = 1; first <= 40; first++) await append(storage, first, 8000)
    const info = { id: 's', index: 38, term: 1, chain: 9, size: 1, membership: NO_MEMBERS }
    const writer = await storage.snapshots.create(info)
    await writer.write(Buffer.of(1))
    await writer.finish()
    await storage.write({ snapshot: { info, resetLog: false }, compactTo: 38, blocks: [], isUrgent: true })
    for (let first = 41; first <= 60; first++) await append(storage, first, 8000)
    await storage.close()
    const names = await readdir(join(fixture.directory(), 'segments'))
    assert.ok(names.length <= 6, `${names.length} files: ${names.join(', ')}`)
    assert.ok(!names.includes(FIRST_SEGMENT))
    const again = fixture.createStorage()
    const { blocks } = await again.open(IDENTITY)
    assert.deepEqual([blocks[0]?.first, blocks.at(-1)?.first], [39, 60])
    assert.equal((await again.read(39, 1))[0]?.first, 39)
  })

  it('keeps the segment of the last frame until the first frame of the next one is durable, also without blocks', async () => {
    const directory = new DataDirectory(fixture.directory())
    await mkdir(directory.path, { recursive: true })
    const options = { directory: directory.path, segmentBytes: 64 * 1024, immediateWriteBytesMax: 0 }
    const files = await openSegmentFiles(directory, false, options)
    await files.initialize()
    const { engine, log } = await files.recover(EMPTY_RECORD)
    // They are not applied: the log has frames and no blocks.
    const write = { blocks: [encodeCommands(1, 1, [new Uint8Array(8000)])], isUrgent: true }
    const change = log.plan(write, 0)
    for (let number = 2; number < 20; number++) {
      let isDone = false
      const writing = engine.write(log, { number, write, change, commitIndex: 0, snapshot: undefined }).finally(() => {
        isDone = true
      })
      while (!isDone) {
        assert.equal(engine.needsCleaning(log), false, `during write ${number}`)
        await new Promise(setImmediate)
      }
      await writing
      if (engine.needsCleaning(log)) return files.close()
    }
    assert.fail('all writes fit into one segment')
  })

  it('is locked against a second storage, by whatever path', async () => {
    const storage = fixture.createStorage()
    await storage.open(IDENTITY)
    const directory = join(fixture.directory(), '..', fixture.directory().split('/').at(-1) as string, '.')
    await assert.rejects(fixture.createStorage({ directory }).open(IDENTITY), (error) =>
      isRaftError(error, 'ERR_RAFT_DATA_DIR_LOCKED'),
    )
  })

  it('locks the file LOCK, which processes in another network namespace see', async () => {
    if (process.platform !== 'linux') return
    const lock = join(fixture.directory(), 'LOCK')
    const tryLock = (): number | null => spawnSync('flock', ['-n', lock, 'true']).status
    const storage = fixture.createStorage()
    await storage.open(IDENTITY)
    assert.equal(tryLock(), 1)
    await storage.close()
    assert.equal(tryLock(), 0)
    const elsewhere = spawn('flock', [lock, 'cat'])
    while (tryLock() === 0) await new Promise(setImmediate)
    await assert.rejects(fixture.createStorage().open(IDENTITY), (error) =>
      isRaftError(error, 'ERR_RAFT_DATA_DIR_LOCKED'),
    )
    elsewhere.stdin.end()
    await once(elsewhere, 'exit')
    await fixture.createStorage().open(IDENTITY)
  })

  it('does not call a directory in use if it cannot be locked for another reason', async () => {
    const lock = join(fixture.directory(), 'LOCK')
    await mkdir(lock, { recursive: true })
    await assert.rejects(fixture.createStorage().open(IDENTITY), (error) => {
      assert.ok(isRaftError(error))
      assert.notEqual(error.code, 'ERR_RAFT_DATA_DIR_LOCKED')
      assert.match(error.message, /could not lock the data directory .*EISDIR/)
      return true
    })
  })
})

class CountedFiles extends FaultyFiles {
  writes = 0
  syncs = 0

  override beforeWrite(file: WatchedFile): void {
    this.writes++
    super.beforeWrite(file)
  }

  override async beforeSync(file: WatchedFile): Promise<void> {
    this.syncs++
    await super.beforeSync(file)
  }
}

const NO_MEMBERS = { members: [], voters: [], outgoing: [], learners: [] }
