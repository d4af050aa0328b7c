/** Known bugs of a storage: each removes one sync on which durability depends. The checks of crashes of the storage contract detect them. */
import { join } from 'node:path'
import type { RocksDBStorage } from '../../src/rocksdb/index.ts'
import type { SegmentStorage } from '../../src/segments/index.ts'
import { rocksdbFixture } from '../rocksdb/rocksdb-fixture.ts'
import { segmentFixture } from '../segments/segment-fixture.ts'
import { firstFailedCrashCheck } from '../storage/crash-checks.ts'
import { importEdited } from './build-mutant.ts'
import type { Edit } from './known-bug.ts'

export interface MissingSync {
  readonly name: string
  /** Completes the sentence "a node that …". */
  readonly does: string
  /** The storage whose contract suite detects it. */
  readonly storage: 'rocksdb' | 'segments'
  readonly edit: Edit
}

const DURABLE_FILES = 'src/data-directory/durable-files.ts'
const SEGMENT_FILES = 'src/segments/segment-files.ts'

export const MISSING_SYNCS: readonly MissingSync[] = [
  {
    name: 'replaced-file-not-synced',
    does: 'replaces a file by one whose contents are not synced before the rename',
    storage: 'rocksdb',
    edit: {
      file: DURABLE_FILES,
      from: '    await file.writeFile(bytes)\n    await file.sync()\n',
      to: '    await file.writeFile(bytes)\n',
    },
  },
  {
    name: 'rename-not-synced',
    does: 'does not sync the directory after a rename',
    storage: 'rocksdb',
    edit: {
      file: DURABLE_FILES,
      from: '  await rename(from, to)\n  await syncDirectory(dirname(to))',
      to: '  await rename(from, to)',
    },
  },
  {
    name: 'new-directory-not-synced',
    does: 'does not sync the parent of a directory that it creates',
    storage: 'rocksdb',
    edit: { file: DURABLE_FILES, from: '  await syncDirectory(parent)\n', to: '' },
  },
  {
    name: 'vote-not-synced',
    does: 'overwrites the files of term and vote without a sync',
    storage: 'rocksdb',
    edit: {
      file: 'src/data-directory/hard-state-file.ts',
      from: '  await writeAll(file, bytes, 0)\n  await file.datasync()\n',
      to: '  await writeAll(file, bytes, 0)\n',
    },
  },
  {
    name: 'snapshot-not-synced',
    does: 'finishes the file of a snapshot without a sync',
    storage: 'rocksdb',
    edit: {
      file: 'src/data-directory/snapshot-writer.ts',
      from: 'frames * FRAME_HEADER_BYTES)\n      await file.sync()\n',
      to: 'frames * FRAME_HEADER_BYTES)\n',
    },
  },
  {
    name: 'segment-write-not-synced',
    does: 'opens a segment file without the flag that makes each write durable',
    storage: 'segments',
    edit: { file: SEGMENT_FILES, from: '(SYNCS_WRITES ? constants.O_DSYNC : 0)', to: '0' },
  },
  {
    name: 'new-segment-not-synced',
    does: 'does not sync the directory after it has named a new segment',
    storage: 'segments',
    edit: {
      file: SEGMENT_FILES,
      from: '      await rename(path, this.pathOf(sequence))\n      await syncDirectory(this.#directory)\n',
      to: '      await rename(path, this.pathOf(sequence))\n',
    },
  },
]

/** Returns the title of the first check of the storage contract that fails; undefined if all pass. */
export async function detectMissingSync({ name, storage, edit }: MissingSync): Promise<string | undefined> {
  const entry = join(import.meta.dirname, '../../src', storage, 'index.ts')
  if (storage === 'rocksdb') {
    const edited = await importEdited<{ RocksDBStorage: typeof RocksDBStorage }>(name, entry, [edit])
    return firstFailedCrashCheck(() => rocksdbFixture(edited.RocksDBStorage))
  }
  const edited = await importEdited<{ SegmentStorage: typeof SegmentStorage }>(name, entry, [edit])
  return firstFailedCrashCheck(() => segmentFixture(edited.SegmentStorage))
}
