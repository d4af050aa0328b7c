/** The report of a stopped node's data directory says what it contains, and names every damage. */
import assert from 'node:assert/strict'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { DirectoryProblem, DirectoryReport, StoredEntry } from '../../src/data-directory/inspect.ts'
import { isRaftError } from '../../src/errors.ts'
import { inspectDataDirectory, readDataDirectoryLog } from '../../src/operations/inspect-data-directory.ts'
import { RocksDBStorage } from '../../src/rocksdb/rocksdb-storage.ts'
import { SegmentStorage } from '../../src/segments/segment-storage.ts'
import { runInProcess } from '../e2e/command.ts'
import type { Acknowledged } from '../rocksdb/history.ts'
import { emptyHistory, writeHistory } from '../rocksdb/history.ts'
import { copyDirectory, flipBit, IDENTITY, temporaryDirectory } from '../storage/directory-fixture.ts'

for (const engine of ['rocksdb', 'segments'] as const)
  describe(`the report of a data directory with ${engine}`, function () {
    this.timeout(60_000)
    let root: string
    let acknowledged: Acknowledged
    const storageIn = (directory: string) =>
      engine === 'rocksdb' ? new RocksDBStorage({ directory }) : new SegmentStorage({ directory })
    before(async () => {
      root = await temporaryDirectory()
      acknowledged = emptyHistory()
      const storage = storageIn(join(root, 'source'))
      await storage.open(IDENTITY)
      await writeHistory(storage, acknowledged)
      await storage.close()
    })
    after(() => rm(root, { recursive: true, force: true }))

    async function copyOf(name: string): Promise<string> {
      await copyDirectory(join(root, 'source'), join(root, name))
      return join(root, name)
    }

    const lastIndex = (): number => {
      const { first, count } = acknowledged.blocks.at(-1) as { readonly first: number; readonly count: number }
      return first + count - 1
    }

    it('shows the identity, term and vote, the ends of the log and the snapshot', async () => {
      const report = await inspectDataDirectory({ directory: await copyOf('whole'), verify: true })
      const { nodeId, clusterId, engine: found, boots, hardState, log, snapshot, isVerified, problems } = report
      assert.deepEqual({ nodeId, clusterId, found, boots }, { ...IDENTITY, found: engine, boots: 1 })
      const { term, votedFor } = acknowledged.hardState
      assert.deepEqual({ term: hardState?.term, votedFor: hardState?.votedFor }, { term, votedFor })
      assert.deepEqual([log?.firstIndex, log?.lastIndex], [acknowledged.blocks[0]?.first, lastIndex()])
      assert.deepEqual(snapshot, acknowledged.snapshot)
      assert.deepEqual({ isVerified, problems }, { isVerified: true, problems: [] })
    })

    it('names a damaged copy of term and vote, which the next start repairs', async () => {
      const directory = await copyOf('one copy')
      const copyAt = async () => (await inspectDataDirectory({ directory, verify: true })).staleHardStateCopy
      assert.equal(await copyAt(), undefined)
      await flipBit(join(directory, 'hard-state-b'), 20)
      assert.equal(await copyAt(), join(directory, 'hard-state-b'))
      const { stdout, exitCode } = await runInProcess(['data', 'verify', directory])
      assert.match(stdout, /term .*; hard-state-b is old or damaged, and repaired from its copy at the next start\n/)
      assert.equal(exitCode, 0)
      const storage = storageIn(directory)
      await storage.open(IDENTITY)
      await storage.close()
      assert.equal(await copyAt(), undefined)
    })

    it('is followed by a start of the node as before', async () => {
      const directory = await copyOf('started')
      await inspectDataDirectory({ directory, verify: true })
      const storage = storageIn(directory)
      const { boot } = await storage.open(IDENTITY)
      await storage.close()
      assert.equal(boot.number, 2)
    })

    it('counts the bytes read up to their sum', async () => {
      const seen: [number, number][] = []
      const onProgress = (done: number, total: number): void => void seen.push([done, total])
      await inspectDataDirectory({ directory: await copyOf('progress'), verify: true, onProgress })
      const [done, total] = seen.at(-1) as [number, number]
      assert.equal(done, total)
      assert.ok(total > (acknowledged.snapshot?.size ?? 0))
    })

    it('is refused while a node uses the directory', async () => {
      const directory = await copyOf('used')
      const storage = storageIn(directory)
      await storage.open(IDENTITY)
      try {
        await assert.rejects(inspectDataDirectory({ directory }), { code: 'ERR_RAFT_DATA_DIR_LOCKED' })
      } finally {
        await storage.close()
      }
    })

    it('names a damaged snapshot once every byte is read', async () => {
      const directory = await copyOf('snapshot')
      const [file = ''] = await readdir(join(directory, 'snapshots'))
      const path = join(directory, 'snapshots', file)
      await flipBit(path, Math.floor((await stat(path)).size / 2))
      assert.deepEqual((await inspectDataDirectory({ directory })).problems, [])
      assert.deepEqual(partsOf(await inspectDataDirectory({ directory, verify: true })), ['snapshot ERR_RAFT_CORRUPT'])
    })

    it('names lost copies of term and vote, without judging the log', async () => {
      const directory = await copyOf('votes')
      for (const name of ['hard-state-a', 'hard-state-b']) await rm(join(directory, name))
      const report = await inspectDataDirectory({ directory })
      assert.deepEqual(partsOf(report), ['term and vote ERR_RAFT_CORRUPT'])
      assert.deepEqual([report.hardState, report.log], [undefined, undefined])
    })

    it('reads the entries of a range, also of a part of a block', async () => {
      const directory = await copyOf('entries')
      const last = lastIndex()
      const read = await entriesOf(readDataDirectoryLog(directory, { from: last - 3, to: last - 1 }))
      assert.deepEqual(
        read.map(({ index, kind }) => [index, kind]),
        [last - 3, last - 2, last - 1].map((index) => [index, 'commands']),
      )
      assert.deepEqual(await entriesOf(readDataDirectoryLog(directory, { from: last + 1 })), [])
    })
  })

describe('the report of a data directory whose log is damaged', () => {
  it('names the first bad and the last good index, and leaves the directory as it is', async () => {
    const root = await temporaryDirectory()
    try {
      const directory = join(root, 'a')
      const storage = new SegmentStorage({ directory })
      await storage.open(IDENTITY)
      await writeHistory(storage, emptyHistory())
      await storage.close()
      const [segment = ''] = await readdir(join(directory, 'segments'))
      await flipBit(join(directory, 'segments', segment), 8192)
      for (let time = 0; time < 2; time++) {
        const report = await inspectDataDirectory({ directory })
        assert.deepEqual(partsOf(report), ['log ERR_RAFT_CORRUPT'])
        const { firstBadIndex, lastGoodIndex } = (report.problems[0] as DirectoryProblem).details as Record<
          string,
          number
        >
        assert.equal(firstBadIndex, (lastGoodIndex as number) + 1)
      }
      await assert.rejects(entriesOf(readDataDirectoryLog(directory)), { code: 'ERR_RAFT_CORRUPT' })
    } finally {
      await rm(root, { recursive: true, force: true })
    }
  })

  it('is an error for a path that is no data directory', async () => {
    const root = await temporaryDirectory()
    try {
      await assert.rejects(
        inspectDataDirectory({ directory: root }),
        (error) => isRaftError(error, 'ERR_RAFT_DATA_DIR_ACCESS') && /no file IDENTITY/.test(error.message),
      )
    } finally {
      await rm(root, { recursive: true, force: true })
    }
  })
})

async function entriesOf(entries: AsyncIterable<StoredEntry>): Promise<StoredEntry[]> {
  const all: StoredEntry[] = []
  for await (const entry of entries) all.push(entry)
  return all
}

function partsOf({ problems }: DirectoryReport): string[] {
  return problems.map(({ part, code }) => `${part} ${code}`)
}
