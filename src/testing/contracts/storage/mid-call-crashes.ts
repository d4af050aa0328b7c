/** The power cut within each call: what was acknowledged is there, and of the call under way no more and no less than the law allows. */
import assert from 'node:assert/strict'
import type { Storage, StorageWrite } from '../../../contracts/storage.ts'
import type { SnapshotInfo } from '../../../core/types.ts'
import { crashWithin } from './capabilities.ts'
import { ReferenceStorage } from './reference-storage.ts'
import type { StorageFixture, StorageTest } from './samples.ts'
import {
  assertSnapshotContent,
  CONTENT,
  commandBlock,
  IDENTITY,
  openStorage,
  readSnapshot,
  reopenStorage,
  saveSnapshot,
  snapshotInfoAt,
  writeOf,
} from './samples.ts'

/** No call changes a disk so often. */
const CRASH_POINTS_MAX = 200

const NO_CRASH_POINT = 'crashWithin() cut nothing: what changes the disk has at least one moment'

type CreateFixture = () => Promise<StorageFixture>

type Attempt = (place: StorageFixture, cut: CrashDuringCall) => Promise<void>

/** Makes a call with a power cut in it; false if the call came to an end before. */
type CrashDuringCall = (call: () => Promise<unknown>) => Promise<boolean>

export function midCallCrashes(test: StorageTest): void {
  crashesWithinWrites(test)
  crashesWithinSnapshotCalls(test)
  test('leaves a place that opens, whether it was being opened for the first time or again', async (_, another) => {
    let moments = 0
    for (const isFilled of [false, true])
      moments += await countCrashPoints(another, async (place, cut) => {
        const plain = new ReferenceStorage()
        if (isFilled) await (await fillStorage(place, plain)).close()
        plain.recordClose()
        if (!(await cut(() => place.createStorage().open(IDENTITY)))) return
        const { storage, recovered } = await openStorage(place)
        assert.equal(recovered.isNew, !isFilled)
        plain.assertRecovered(recovered)
        await writeBoth(storage, plain, writeOf({ hardState: { ...plain.current.hardState, term: 9, votedFor: 'a' } }))
      })
    assert.ok(moments > 0, NO_CRASH_POINT)
  })

  test('leaves what was written, when it was being closed', async (_, another) => {
    await atEachCrashPoint(another, async (place, cut) => {
      const plain = new ReferenceStorage()
      const storage = await fillStorage(place, plain)
      if (!(await cut(() => storage.close()))) return
      await assertRecovers(place, plain)
    })
  })
}

function crashesWithinWrites(test: StorageTest): void {
  test('leaves of a write all of it, or its term and vote alone, or nothing', async (_, another) => {
    await atEachCrashPoint(another, async (place, cut) => {
      const plain = new ReferenceStorage()
      const storage = await fillStorage(place, plain)
      const write = writeOf({
        snapshot: { info: await saveSmallSnapshot(storage, snapshotInfoAt(2, 1)), resetLog: false },
        truncateAfter: 4,
        blocks: [commandBlock(5, 3, 2), commandBlock(7, 3, 1)],
        // Committed is what this write brings, and not what it takes the place of.
        hardState: { term: 3, votedFor: 'c', commitIndex: 6 },
        compactTo: 2,
      })
      if (!(await cut(() => storage.write(write)))) return
      plain.recordUnfinishedWrite(write)
      await assertRecovers(place, plain)
    })
  })

  test('leaves the old log or the snapshot that replaces it, and never neither', async (_, another) => {
    await atEachCrashPoint(another, async (place, cut) => {
      const plain = new ReferenceStorage()
      const storage = await fillStorage(place, plain)
      const info = await saveSmallSnapshot(storage, snapshotInfoAt(40, 4))
      const hardState = { term: 4, votedFor: undefined, commitIndex: 40 }
      const write = writeOf({ snapshot: { info, resetLog: true }, hardState })
      if (!(await cut(() => storage.write(write)))) return
      plain.recordUnfinishedWrite(write)
      const again = await assertRecovers(place, plain)
      assert.equal((await readSnapshot(again, info.id, 0)).length, info.size)
    })
  })
}

function crashesWithinSnapshotCalls(test: StorageTest): void {
  test('leaves a snapshot file whole, or not in the list and to be gone on with', async (_, another) => {
    await atEachCrashPoint(another, async (place, cut) => {
      const { storage } = await openStorage(place)
      const info = { ...snapshotInfoAt(4, 1), size: CONTENT.length }
      if (!(await cut(() => saveSnapshot(storage, info)))) return
      const { storage: again } = await openStorage(place)
      const found = await again.snapshots.list()
      assert.deepEqual(
        found.filter((id) => id !== info.id),
        [],
      )
      if (found.length === 0) {
        const writer = await again.snapshots.create(info)
        await writer.write(CONTENT.subarray(writer.offset))
        await writer.finish()
      }
      await assertSnapshotContent(again, info.id)
    })
  })

  test('leaves what is retained, and of the rest a file whole or none', async (_, another) => {
    await atEachCrashPoint(another, async (place, cut) => {
      const { storage } = await openStorage(place)
      const [old, kept] = [
        await saveSnapshot(storage, snapshotInfoAt(1, 1)),
        await saveSnapshot(storage, snapshotInfoAt(2, 1)),
      ]
      if (!(await cut(() => storage.snapshots.retain([kept.id])))) return
      const { storage: again } = await openStorage(place)
      const found = await again.snapshots.list()
      assert.ok(found.includes(kept.id), `${kept.id} was to be retained, and is gone`)
      for (const id of found) await assertSnapshotContent(again, id)
      assert.deepEqual(
        found.filter((id) => id !== old.id && id !== kept.id),
        [],
      )
    })
  })
}

/** Makes an attempt in a fresh place for each moment of the call that is cut in it, which must have at least one. */
async function atEachCrashPoint(another: CreateFixture, attempt: Attempt): Promise<void> {
  assert.ok((await countCrashPoints(another, attempt)) > 0, NO_CRASH_POINT)
}

/** The same for a call that may change nothing; how many moments it had. */
async function countCrashPoints(another: CreateFixture, attempt: Attempt): Promise<number> {
  for (let moment = 0; moment < CRASH_POINTS_MAX; moment++) {
    let isCut = false
    const place = await another()
    try {
      await attempt(place, async (call) => {
        isCut = await crashWithin(place, call, moment)
        return isCut
      })
    } catch (cause) {
      const what = cause instanceof Error ? cause.message : String(cause)
      throw new assert.AssertionError({ message: `cut at moment ${moment} of the call: ${what}`, operator: 'fail' })
    }
    if (!isCut) return moment
  }
  assert.fail(`the power was cut at ${CRASH_POINTS_MAX} moments of one call, and it still does not end`)
}

/** An open storage with a past: its last write, a commit index, was in no hurry. */
async function fillStorage(place: StorageFixture, plain: ReferenceStorage): Promise<Storage> {
  const { storage } = await openStorage(place)
  const blocks = [commandBlock(1, 1, 2), commandBlock(3, 1, 2), commandBlock(5, 2, 3)]
  await writeBoth(storage, plain, writeOf({ blocks, hardState: { term: 2, votedFor: 'b', commitIndex: 0 } }))
  const hardState = { term: 2, votedFor: 'b', commitIndex: 3 }
  await writeBoth(storage, plain, writeOf({ hardState, isUrgent: false }))
  return storage
}

async function writeBoth(storage: Storage, plain: ReferenceStorage, write: StorageWrite): Promise<void> {
  await storage.write(write)
  plain.recordWrite(write)
}

/** A file of a few bytes, and the record of it. */
async function saveSmallSnapshot(storage: Storage, info: SnapshotInfo): Promise<SnapshotInfo> {
  const writer = await storage.snapshots.create(info)
  await writer.write(CONTENT.subarray(0, 100))
  return { ...info, size: await writer.finish() }
}

/** Opens what a crash has left, and holds it against what may be there. */
async function assertRecovers(place: StorageFixture, plain: ReferenceStorage): Promise<Storage> {
  const { storage, recovered } = await openStorage(place)
  plain.assertRecovered(recovered)
  return assertWritable(place, storage, plain)
}

/** What came back takes a write, and has it at the next start: nothing half done is left to be tripped over. */
async function assertWritable(place: StorageFixture, storage: Storage, plain: ReferenceStorage): Promise<Storage> {
  const { index } = plain.last
  const block = commandBlock(index + 1, 9, 1)
  await writeBoth(
    storage,
    plain,
    writeOf({ blocks: [block], hardState: { term: 9, votedFor: 'a', commitIndex: index } }),
  )
  const { storage: again, recovered } = await reopenStorage(place, storage)
  plain.recordClose()
  plain.assertRecovered(recovered)
  return again
}
