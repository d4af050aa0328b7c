/** Checks with damaged data on disk. */
import assert from 'node:assert/strict'
import type { RecoveredState, Storage } from '../../../contracts/storage.ts'
import type { SnapshotInfo } from '../../../core/types.ts'
import { isRaftError } from '../../../errors.ts'
import { listDamages } from './capabilities.ts'
import type { StorageFixture, StorageTest } from './samples.ts'
import {
  CONTENT,
  commandBlock,
  comparableBlocks,
  IDENTITY,
  openStorage,
  readSnapshot,
  saveSnapshot,
  snapshotInfoAt,
  writeOf,
} from './samples.ts'

const BLOCKS = [commandBlock(3, 1, 4), commandBlock(7, 2, 1), commandBlock(8, 2, 50)]
const HARD_STATE = { term: 3, votedFor: 'c', commitIndex: 0 }

export function damage(test: StorageTest): void {
  test('causes an error on open or read, and never a gap, an older vote or different bytes', async (_, another) => {
    let isDetected = false
    for (let which = 0, count = 1; which < count; which++) {
      const fixture = await another()
      const snapshot = await fillStorage(fixture)
      const damages = await listDamages(fixture)
      count = damages.length
      const chosen = damages[which]
      assert.ok(chosen !== undefined, 'the fixture lists no damage')
      await chosen.apply()
      isDetected =
        (await checkDamage(chosen.description, fixture.createStorage(), snapshot)) === 'detected' || isDetected
    }
    assert.ok(isDetected, 'no damage was detected: does the fixture damage the right files?')
  })
}

/** Writes data and closes the storage. Returns the recorded snapshot. */
async function fillStorage(fixture: StorageFixture): Promise<SnapshotInfo> {
  const { storage } = await openStorage(fixture)
  await storage.write(
    writeOf({ blocks: [commandBlock(1, 1, 2), ...BLOCKS], hardState: { ...HARD_STATE, votedFor: 'b' } }),
  )
  const info = await saveSnapshot(storage, snapshotInfoAt(2, 1))
  await storage.write(writeOf({ snapshot: { info, resetLog: false } }))
  await storage.write(writeOf({ compactTo: 2 }))
  await storage.write(writeOf({ hardState: HARD_STATE }))
  await storage.close()
  return info
}

/** Whether the damage was detected or had no effect. Anything else fails the check. */
async function checkDamage(what: string, storage: Storage, snapshot: SnapshotInfo): Promise<'detected' | 'harmless'> {
  try {
    const recovered = await storage.open(IDENTITY)
    assertIntact(what, recovered, snapshot)
    const read = await storage.read(3, Number.MAX_SAFE_INTEGER)
    assert.deepEqual(
      comparableBlocks(read),
      comparableBlocks(BLOCKS),
      `${what}: the blocks read differ from those written`,
    )
    const content = await readSnapshot(storage, snapshot.id, 0)
    assert.ok(content.equals(CONTENT), `${what}: the snapshot file differs from what was written`)
    return 'harmless'
  } catch (error) {
    if (isRaftError(error)) return 'detected'
    throw error
  } finally {
    await storage.close().catch(() => undefined)
  }
}

function assertIntact(what: string, { hardState, snapshot, blocks }: RecoveredState, expected: SnapshotInfo): void {
  const { term, votedFor } = hardState
  assert.deepEqual({ term, votedFor }, { term: 3, votedFor: 'c' }, `${what}: an older vote was recovered`)
  assert.deepEqual(snapshot, expected, `${what}: a different snapshot was recovered`)
  const firsts = blocks.map(({ first }) => first)
  assert.deepEqual(firsts, [3, 7, 8], `${what}: blocks are missing`)
}
