/** What becomes of data that was damaged at rest. */
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
  test('is an error when the storage opens or reads, and never a hole, an older vote or other bytes', async (_, another) => {
    let isFound = false
    for (let which = 0, count = 1; which < count; which++) {
      const place = await another()
      const snapshot = await fillStorage(place)
      const damages = await listDamages(place)
      count = damages.length
      const chosen = damages[which]
      assert.ok(chosen !== undefined, 'the place knows of no damage')
      await chosen.apply()
      isFound = (await checkDamage(chosen.description, place.createStorage(), snapshot)) === 'found' || isFound
    }
    assert.ok(isFound, 'no damage that was done was found, or harmed: is it done to the right files?')
  })
}

/** Fills a place and closes it; the snapshot that was recorded. */
async function fillStorage(place: StorageFixture): Promise<SnapshotInfo> {
  const { storage } = await openStorage(place)
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

/** Whether damage was found or did no harm. There is no third thing. */
async function checkDamage(what: string, storage: Storage, snapshot: SnapshotInfo): Promise<'found' | 'harmless'> {
  try {
    const recovered = await storage.open(IDENTITY)
    assertIntact(what, recovered, snapshot)
    const read = await storage.read(3, Number.MAX_SAFE_INTEGER)
    assert.deepEqual(
      comparableBlocks(read),
      comparableBlocks(BLOCKS),
      `${what}: other blocks are read than were written`,
    )
    const content = await readSnapshot(storage, snapshot.id, 0)
    assert.ok(content.equals(CONTENT), `${what}: the snapshot's file has other bytes than were written`)
    return 'harmless'
  } catch (error) {
    if (isRaftError(error)) return 'found'
    throw error
  } finally {
    await storage.close().catch(() => undefined)
  }
}

function assertIntact(what: string, { hardState, snapshot, blocks }: RecoveredState, expected: SnapshotInfo): void {
  const { term, votedFor } = hardState
  assert.deepEqual({ term, votedFor }, { term: 3, votedFor: 'c' }, `${what}: an older vote came back`)
  assert.deepEqual(snapshot, expected, `${what}: another snapshot came back`)
  const firsts = blocks.map(({ first }) => first)
  assert.deepEqual(firsts, [3, 7, 8], `${what}: blocks are missing`)
}
