/** The durable storage beyond the contract: its syncs, the damage it detects, its errors, and its cleanup. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { access, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { build } from 'esbuild'
import type { StorageWrite } from '../../src/contracts/storage.ts'
import { encodeChecksummedJson } from '../../src/data-directory/checksummed-json.ts'
import { isRaftError } from '../../src/errors.ts'
import { encodeCommands, encodeNoop } from '../../src/log-format/block.ts'
import type { Binding, KeyRange } from '../../src/rocksdb/binding.ts'
import { loadBinding } from '../../src/rocksdb/binding.ts'
import { Database } from '../../src/rocksdb/database.ts'
import type { RocksDBStorageOptions } from '../../src/rocksdb/index.ts'
import { RocksDBStorage } from '../../src/rocksdb/index.ts'
import { blockRange, parseBlockKey } from '../../src/rocksdb/log-keys.ts'
import { copyDirectory, IDENTITY } from '../storage/directory-fixture.ts'
import { DISK_FULL, FaultyDisk } from './faulty-disk.ts'
import { emptyHistory, verify, writeHistory } from './history.ts'
import type { RocksDBFixture } from './rocksdb-fixture.ts'
import { open, openError, rocksdbFixture } from './rocksdb-fixture.ts'

describe('the durable storage', () => {
  let fixture: RocksDBFixture

  beforeEach(async () => {
    fixture = await rocksdbFixture()
  })
  afterEach(() => fixture.destroy())

  const openStorage = (options?: Partial<RocksDBStorageOptions>) => open(fixture, options)

  describe('on a write', () => {
    it('syncs once for blocks, and does not touch the hard-state files if term and vote stay the same', async () => {
      const disk = new FaultyDisk()
      const binding = disk.wrapBinding(loadBinding())
      const storage = fixture.createStorage({ binding, markDelayMs: 60_000 })
      await storage.open(IDENTITY)
      await storage.write(write({ blocks: [block(1)], hardState: { term: 1, votedFor: 'a', commitIndex: 0 } }))
      const hardState = await readFile(join(fixture.directory(), 'hard-state-a'))
      disk.batches.length = 0
      await storage.write(write({ blocks: [block(2)], hardState: { term: 1, votedFor: 'a', commitIndex: 1 } }))
      assert.deepEqual(disk.batches, [true])
      assert.ok((await readFile(join(fixture.directory(), 'hard-state-a'))).equals(hardState))
    })

    it('does not sync for a commit index that is not urgent', async () => {
      const disk = new FaultyDisk()
      const binding = disk.wrapBinding(loadBinding())
      const storage = fixture.createStorage({ binding })
      await storage.open(IDENTITY)
      await storage.write(write({ blocks: [block(1)], hardState: { term: 1, votedFor: 'a', commitIndex: 0 } }))
      disk.batches.length = 0
      await storage.write(write({ hardState: { term: 1, votedFor: 'a', commitIndex: 1 }, isUrgent: false }))
      assert.deepEqual(disk.batches, [])
    })

    it('syncs the term before the blocks and the commit index with them, so that a crash in between is safe', async () => {
      const storage = await openStorage()
      await storage.write(write({ blocks: [block(1)], hardState: { term: 1, votedFor: 'a', commitIndex: 0 } }))
      await fixture.failWrites(DISK_FULL)
      const failed = storage.write(
        write({ blocks: [block(2, 9)], hardState: { term: 9, votedFor: 'b', commitIndex: 1 } }),
      )
      await assert.rejects(failed, (error) => isRaftError(error, 'ERR_RAFT_NO_SPACE'))
      await fixture.crash()
      const recovered = await fixture.createStorage().open(IDENTITY)
      assert.deepEqual(recovered.hardState, { term: 9, votedFor: 'b', commitIndex: 0 })
      assert.equal(recovered.blocks.length, 1)
    })
  })

  describe('when it opens', () => {
    it('detects a log whose end was truncated after it was marked', async () => {
      const storage = await openStorage()
      for (let index = 1; index <= 20; index++)
        await storage.write(write({ blocks: [block(index)], hardState: TERM_1 }))
      await storage.close()
      await cutLog(fixture.directory(), 200)
      const error = await openError(fixture.createStorage(), 'ERR_RAFT_CORRUPT')
      assert.match(error.message, /the last good one is 1\d/)
      assert.equal(error.details.lastKnownIndex, 20)
      assert.match(error.hint ?? '', /other members hold the data: replace this member/)
    })

    it('accepts a write torn by a crash, because it was never acknowledged', async () => {
      const storage = fixture.createStorage({ markDelayMs: 60_000 })
      await storage.open(IDENTITY)
      for (let index = 1; index <= 5; index++) await storage.write(write({ blocks: [block(index)], hardState: TERM_1 }))
      const acknowledged = await logSize(fixture.directory())
      await storage.write(write({ blocks: [block(6)] }))
      const all = await logSize(fixture.directory())
      await fixture.crash()
      for (const size of [all - 1, Math.floor((all + acknowledged) / 2), acknowledged + 3]) {
        const torn = `${fixture.directory()}-${size}`
        await copyDirectory(fixture.directory(), torn)
        await cutLog(torn, all - size)
        const reopened = new RocksDBStorage({ directory: torn })
        assert.equal((await reopened.open(IDENTITY)).blocks.length, 5)
        await reopened.close()
      }
    })

    it('detects the same damage again at the next attempt', async () => {
      const storage = await openStorage()
      await writeHistory(storage, emptyHistory())
      await storage.close()
      await zeroLog(fixture.directory(), 40_000)
      const first = await openError(fixture.createStorage(), 'ERR_RAFT_CORRUPT')
      const second = await openError(fixture.createStorage(), 'ERR_RAFT_CORRUPT')
      assert.equal(second.details.firstBadIndex, first.details.firstBadIndex)
    })

    it('detects a missing IDENTITY instead of initializing the directory again', async () => {
      const storage = await openStorage()
      await storage.write(write({ hardState: TERM_1 }))
      await storage.close()
      await rm(join(fixture.directory(), 'IDENTITY'))
      const error = await openError(fixture.createStorage(), 'ERR_RAFT_CORRUPT')
      assert.match(error.message, /lost its file IDENTITY/)
    })

    it('detects a missing log instead of creating a new one', async () => {
      await (await openStorage()).close()
      await rm(join(fixture.directory(), 'log'), { recursive: true })
      await openError(fixture.createStorage(), 'ERR_RAFT_CORRUPT')
      assert.ok(
        !(await readdir(fixture.directory())).includes('log') || (await logFiles(fixture.directory())).length === 0,
      )
    })

    it('detects a hard state that is older than the log', async () => {
      const storage = await openStorage()
      await storage.write(write({ hardState: TERM_1 }))
      const files = ['hard-state-a', 'hard-state-b'].map((name) => join(fixture.directory(), name))
      const old = await Promise.all(files.map((path) => readFile(path)))
      await storage.write(write({ blocks: [block(1, 5)], hardState: { term: 5, votedFor: 'b', commitIndex: 0 } }))
      await storage.close()
      await Promise.all(files.map((path, at) => writeFile(path, old[at] as Buffer)))
      const error = await openError(fixture.createStorage(), 'ERR_RAFT_CORRUPT')
      assert.match(error.message, /term and vote are older than the log/)
    })

    it('rejects an unknown format', async () => {
      await (await openStorage()).close()
      await writeFile(
        join(fixture.directory(), 'IDENTITY'),
        encodeChecksummedJson({ ...IDENTITY, format: 99, directoryId: 'x' }),
      )
      const error = await openError(fixture.createStorage(), 'ERR_RAFT_FORMAT')
      assert.match(error.message, /format 99.*format 2/)
    })
  })

  describe('with a failing addon', () => {
    for (const { message, code } of [
      {
        message: 'IO error: No space left on deviceWhile appending to file: /d/3.log: No space',
        code: 'ERR_RAFT_NO_SPACE',
      },
      { message: 'IO error: Input/output errorWhile fdatasync: /d/3.log', code: 'ERR_RAFT_STORAGE' },
      { message: 'Corruption: block checksum mismatch', code: 'ERR_RAFT_CORRUPT' },
    ] as const)
      it(`rejects a write with ${code} on “${message.slice(0, 40)}…”`, async () => {
        const storage = await openStorage()
        await fixture.failWrites(message)
        await assert.rejects(storage.write(write({ blocks: [block(1)], hardState: TERM_1 })), (error) =>
          isRaftError(error, code),
        )
      })

    it('names the package to install if the addon is not installed', async () => {
      const source = `
        import { RocksDBStorage } from ${JSON.stringify(new URL('../../src/rocksdb/index.ts', import.meta.url).href)}
        import Module from 'node:module'
        const resolve = Module._resolveFilename
        Module._resolveFilename = (name, ...rest) => {
          if (name === 'rocksdb') throw Object.assign(new Error('Cannot find module'), { code: 'MODULE_NOT_FOUND' })
          return resolve(name, ...rest)
        }
        const error = await new RocksDBStorage({ directory: ${JSON.stringify(fixture.directory())} })
          .open({ clusterId: 'c', nodeId: 'a' }).catch((error) => error)
        console.log(JSON.stringify([error.code, error.message, error.hint]))`
      const [code, message, hint] = JSON.parse(run(source))
      assert.equal(code, 'ERR_RAFT_RUNTIME')
      assert.match(message, /rocksdb, which is not installed/)
      assert.match(hint, /npm install --ignore-scripts rocksdb.*segments/)
      await assert.rejects(access(fixture.directory()))
    })

    it('does not load it in a worker thread, where it would crash the process', async () => {
      const contents = `
        import { parentPort } from 'node:worker_threads'
        import { loadBinding } from './binding.ts'
        try { loadBinding() } catch (error) { parentPort.postMessage(error.code) }`
      const resolveDir = fileURLToPath(new URL('../../src/rocksdb', import.meta.url))
      const stdin = { contents, resolveDir, loader: 'ts' } as const
      const built = await build({
        stdin,
        bundle: true,
        platform: 'node',
        format: 'cjs',
        write: false,
        logLevel: 'silent',
      })
      const worker = new Worker(built.outputFiles[0]?.text ?? '', { eval: true })
      const code = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
      await worker.terminate()
      assert.equal(code, 'ERR_RAFT_RUNTIME')
    })
  })

  it('deletes compacted blocks in the background, and the remaining ones at the next open after a crash', async () => {
    const acknowledged = emptyHistory()
    const started: (() => void)[] = []
    const clear = (_range: KeyRange, callback: () => void) => started.push(callback)
    const binding: Binding = (location) => Object.assign(loadBinding()(location), { clear })
    await writeHistory(await openStorage({ binding }), acknowledged)
    await fixture.crash()
    for (const callback of started) callback()
    assert.ok((await firstKeyOf(fixture.directory())) < (acknowledged.blocks[0]?.first as number))
    const again = fixture.createStorage()
    await verify(again, await again.open(IDENTITY), acknowledged)
    await again.close()
    assert.equal(await firstKeyOf(fixture.directory()), acknowledged.blocks[0]?.first)
  })
})

const TERM_1 = { term: 1, votedFor: undefined, commitIndex: 0 }

function write(change: Partial<StorageWrite>): StorageWrite {
  return { blocks: [], isUrgent: true, ...change }
}

function block(index: number, term = 1) {
  return index === 1 ? encodeNoop(index, term) : encodeCommands(index, term, [Buffer.alloc(100, `${index}`)])
}

async function logFiles(directory: string): Promise<string[]> {
  return (await readdir(join(directory, 'log'))).filter((name) => name.endsWith('.log')).sort()
}

async function logFile(directory: string): Promise<string> {
  const names = await logFiles(directory)
  return join(directory, 'log', names.at(-1) as string)
}

async function logSize(directory: string): Promise<number> {
  return (await stat(await logFile(directory))).size
}

async function cutLog(directory: string, bytes: number): Promise<void> {
  const path = await logFile(directory)
  await truncate(path, (await stat(path)).size - bytes)
}

async function zeroLog(directory: string, at: number): Promise<void> {
  const path = await logFile(directory)
  const bytes = await readFile(path)
  bytes.fill(0, at, at + 100)
  await writeFile(path, bytes)
}

function run(source: string): string {
  return execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', source], {
    encoding: 'utf8',
  })
}

/** The first index of the first block in the database. */
async function firstKeyOf(directory: string): Promise<number> {
  const options = { createIfMissing: false, writeBufferBytes: 1 << 20, cacheBytes: 1 << 20 }
  const database = await Database.open(loadBinding(), join(directory, 'log'), options)
  try {
    for await (const [key] of database.entries(blockRange(0))) return parseBlockKey(key)?.first as number
    return 0
  } finally {
    await database.close()
  }
}
