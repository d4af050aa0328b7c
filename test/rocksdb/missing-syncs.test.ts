/** Each sync on which durability depends is removed from our sources in turn: the storage contract must notice. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { RocksDBStorage } from '../../src/rocksdb/index.ts'
import { importEdited } from '../known-bugs/build-mutant.ts'
import type { Edit } from '../known-bugs/known-bug.ts'
import { firstFailedCrashCheck } from '../storage/crash-checks.ts'
import { rocksdbFixture } from './rocksdb-fixture.ts'

const FILES = 'src/data-directory/durable-files.ts'

const MISSING_SYNCS: Readonly<Record<string, Edit>> = {
  'of a file that replaces another': {
    file: FILES,
    from: '    await file.writeFile(bytes)\n    await file.sync()\n',
    to: '    await file.writeFile(bytes)\n',
  },
  'of the directory after a rename': {
    file: FILES,
    from: '  await rename(from, to)\n  await syncDirectory(dirname(to))',
    to: '  await rename(from, to)',
  },
  'of the parent of a new directory': { file: FILES, from: '  await syncDirectory(parent)\n', to: '' },
  'of a file that is overwritten': {
    file: 'src/data-directory/hard-state-file.ts',
    from: '  await writeAll(file, bytes, 0)\n  await file.datasync()\n',
    to: '  await writeAll(file, bytes, 0)\n',
  },
  'of a finished snapshot': {
    file: 'src/data-directory/snapshot-writer.ts',
    from: 'frames * FRAME_HEADER_BYTES)\n      await file.sync()\n',
    to: 'frames * FRAME_HEADER_BYTES)\n',
  },
}

describe('the storage contract detects a missing sync', function () {
  this.timeout(60_000)
  for (const [name, edit] of Object.entries(MISSING_SYNCS))
    it(name, async () => {
      const edited = await importEdited<{ RocksDBStorage: typeof RocksDBStorage }>(
        `missing-sync-${Object.keys(MISSING_SYNCS).indexOf(name)}`,
        join(import.meta.dirname, '../../src/rocksdb/index.ts'),
        [edit],
      )
      const failed = await firstFailedCrashCheck(() => rocksdbFixture(edited.RocksDBStorage))
      assert.ok(failed !== undefined, 'every check of crashes passes')
    })
})
