/** With damage anywhere in its data directory, a storage opens with all acknowledged data or rejects with ERR_RAFT_CORRUPT. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, open, readdir, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import fc from 'fast-check'
import { RocksDBStorage } from '../../src/rocksdb/index.ts'
import { copyDirectory, IDENTITY } from '../storage/directory-fixture.ts'
import { ChildOpener } from './child-opener.ts'
import type { Acknowledged } from './history.ts'
import { emptyHistory, writeHistory } from './history.ts'

const RUNS = Number(process.env.RUNS ?? 60)
/** These tests need no syncs: a file system in memory, if there is one, takes half the time. */
const TEMPORARY_ROOT = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

describe('a damaged data directory', function () {
  this.timeout(Math.max(30_000, RUNS * 250))
  let root: string
  let acknowledged: Acknowledged
  const opener = new ChildOpener()

  before(async () => {
    root = await mkdtemp(join(TEMPORARY_ROOT, 'quorate-damage-'))
    acknowledged = emptyHistory()
  })
  after(async () => {
    await opener.close()
    await rm(root, { recursive: true, force: true })
  })

  for (const { rounds, where } of [
    { rounds: 1, where: 'with its whole log in RocksDB’s write-ahead log' },
    { rounds: 3, where: 'with most of its log in tables' },
  ])
    it(`opens with all data or is rejected, whatever bytes are flipped, zeroed or removed, ${where}`, async () => {
      const intact = join(root, `intact-${rounds}`)
      acknowledged = emptyHistory()
      for (let round = 0; round < rounds; round++) {
        const storage = new RocksDBStorage({ directory: intact })
        await storage.open(IDENTITY)
        await writeHistory(storage, acknowledged)
        await storage.close()
      }
      const files = await filesIn(intact)
      const outcomes: Record<string, number> = {}
      await fc.assert(
        fc.asyncProperty(damages(files), async (damage) => {
          const directory = join(root, 'damaged')
          await copyDirectory(intact, directory)
          await inflict(join(directory, damage.file), damage)
          const outcome = await opener.tryToOpen(directory, acknowledged)
          if (outcome !== 'whole') await opener.tryToOpen(directory, acknowledged)
          outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
          await rm(directory, { recursive: true })
        }),
        { numRuns: RUNS, timeout: 15_000 },
      )
      if (process.env.VERBOSE) console.log(outcomes)
      assert.ok((outcomes.ERR_RAFT_CORRUPT ?? 0) > 0, 'some damage was detected')
    })
})

interface Damage {
  readonly file: string
  readonly kind: 'flip' | 'zero' | 'truncate' | 'remove'
  /** 0..1: where in the file. */
  readonly at: number
}

function damages(files: readonly string[]): fc.Arbitrary<Damage> {
  return fc.record({
    file: fc.constantFrom(...files),
    kind: fc.constantFrom('flip', 'flip', 'zero', 'zero', 'truncate', 'remove'),
    at: fc.nat(99_999).map((part) => part / 100_000),
  })
}

async function inflict(path: string, { kind, at }: Damage): Promise<void> {
  const { size } = await stat(path)
  const position = Math.floor(at * size)
  if (kind === 'remove') return rm(path)
  if (kind === 'truncate') return truncate(path, position)
  const file = await open(path, 'r+')
  const bytes = Buffer.alloc(kind === 'flip' ? 1 : Math.min(100, size - position))
  if (kind === 'flip') {
    await file.read(bytes, 0, 1, position)
    bytes[0] = (bytes[0] ?? 0) ^ (1 << (position % 8))
  }
  await file.write(bytes, 0, bytes.length, position)
  await file.close()
}

async function filesIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && entry.name !== 'LOCK')
    .map((entry) => relative(directory, join(entry.parentPath ?? entry.path, entry.name)))
    .sort()
}
