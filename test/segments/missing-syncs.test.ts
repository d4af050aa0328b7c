/** Each sync on which the durability of segments depends is removed in turn: the storage contract must notice. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { SegmentStorage } from '../../src/segments/index.ts'
import { importEdited } from '../known-bugs/build-mutant.ts'
import type { Edit } from '../known-bugs/known-bug.ts'
import { firstFailedCrashCheck } from '../storage/crash-checks.ts'
import { segmentFixture } from './segment-fixture.ts'

const FILES = 'src/segments/segment-files.ts'

const MUTANTS: Readonly<Record<string, Edit>> = {
  'of a frame': { file: FILES, from: '(SYNCS_WRITES ? constants.O_DSYNC : 0)', to: '0' },
  'of the directory of a new segment': {
    file: FILES,
    from: '      await rename(path, this.pathOf(sequence))\n      await syncDirectory(this.#directory)\n',
    to: '      await rename(path, this.pathOf(sequence))\n',
  },
}

describe('the storage contract detects a missing sync of segments', function () {
  this.timeout(60_000)
  for (const [name, edit] of Object.entries(MUTANTS))
    it(name, async () => {
      const edited = await importEdited<{ SegmentStorage: typeof SegmentStorage }>(
        `missing-segment-sync-${Object.keys(MUTANTS).indexOf(name)}`,
        join(import.meta.dirname, '../../src/segments/index.ts'),
        [edit],
      )
      const failed = await firstFailedCrashCheck(() => segmentFixture(edited.SegmentStorage))
      assert.ok(failed !== undefined, 'every check of crashes passes')
    })
})
