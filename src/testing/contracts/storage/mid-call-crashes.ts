/** Checks of a crash within a call: acknowledged data survives, and the interrupted call leaves an allowed state. */
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

/** More crash points than any call has. */
const CRASH_POINTS_MAX = 200

const NO_CRASH_POINT = 'crashWithin() caused no crash: a call that changes the disk has at least one crash point'

type CreateFixture = () => Promise<StorageFixture>

type Attempt = (fixture: StorageFixture, crashDuring: CrashDuringCall) => Promise<void>

/** Makes a call with a crash in it. Returns false if the call ended first. */
type CrashDuringCall = (call: () => Promise<unknown>) => Promise<boolean>

export function midCallCrashes(test: StorageTest): void {
  crashesWithinWrites(test)
  crashesWithinSnapshotCalls(test)
  test('leaves a storage that opens, whether it was being created or opened again', async (_, another) => {
    let points = 0
    for (const isFilled of [false, true])
      points += await countCrashPoints(another, async (fixture, crashDuring) => {
        const reference = new ReferenceStorage()
        if (isFilled) await (await fillStorage(fixture, reference)).close()
        reference.recordClose()
        if (!(await crashDuring(() => fixture.createStorage().open(IDENTITY)))) return
        const { storage, recovered } = await openStorage(fixture)
        assert.equal(recovered.isNew, !isFilled)
        reference.assertRecovered(recovered)
        await writeBoth(
          storage,
          reference,
          writeOf({ hardState: { ...reference.current.hardState, term: 9, votedFor: 'a' } }),
        )
      })
    assert.ok(points > 0, NO_CRASH_POINT)
  })

  test('loses no write during a close', async (_, another) => {
    // A close need not change the disk, so it may have no crash point.
    await countCrashPoints(another, async (fixture, crashDuring) => {
      const reference = new ReferenceStorage()
      const storage = await fillStorage(fixture, reference)
      if (!(await crashDuring(() => storage.close()))) return
      await assertRecovers(fixture, reference)
    })
  })
}

function crashesWithinWrites(test: StorageTest): void {
  test('applies a write completely, or only its term and vote, or not at all', async (_, another) => {
    await atEachCrashPoint(another, async (fixture, crashDuring) => {
      const reference = new ReferenceStorage()
      const storage = await fillStorage(fixture, reference)
      const write = writeOf({
        snapshot: { info: await saveSmallSnapshot(storage, snapshotInfoAt(2, 1)), resetLog: false },
        truncateAfter: 4,
        blocks: [commandBlock(5, 3, 2), commandBlock(7, 3, 1)],
        // The commit index covers the new entries, not the truncated ones.
        hardState: { term: 3, votedFor: 'c', commitIndex: 6 },
        compactTo: 2,
      })
      if (!(await crashDuring(() => storage.write(write)))) return
      reference.recordUnfinishedWrite(write)
      await assertRecovers(fixture, reference)
    })
  })

  test('leaves the old log or the snapshot that replaces it', async (_, another) => {
    await atEachCrashPoint(another, async (fixture, crashDuring) => {
      const reference = new ReferenceStorage()
      const storage = await fillStorage(fixture, reference)
      const info = await saveSmallSnapshot(storage, snapshotInfoAt(40, 4))
      const hardState = { term: 4, votedFor: undefined, commitIndex: 40 }
      const write = writeOf({ snapshot: { info, resetLog: true }, hardState })
      if (!(await crashDuring(() => storage.write(write)))) return
      reference.recordUnfinishedWrite(write)
      const again = await assertRecovers(fixture, reference)
      assert.equal((await readSnapshot(again, info.id, 0)).length, info.size)
    })
  })
}

function crashesWithinSnapshotCalls(test: StorageTest): void {
  test('leaves a snapshot file complete, or unlisted and resumable', async (_, another) => {
    await atEachCrashPoint(another, async (fixture, crashDuring) => {
      const { storage } = await openStorage(fixture)
      const info = { ...snapshotInfoAt(4, 1), size: CONTENT.length }
      if (!(await crashDuring(() => saveSnapshot(storage, info)))) return
      const { storage: again } = await openStorage(fixture)
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

  test('keeps every retained snapshot, and leaves each other one complete or removed', async (_, another) => {
    await atEachCrashPoint(another, async (fixture, crashDuring) => {
      const { storage } = await openStorage(fixture)
      const [old, kept] = [
        await saveSnapshot(storage, snapshotInfoAt(1, 1)),
        await saveSnapshot(storage, snapshotInfoAt(2, 1)),
      ]
      if (!(await crashDuring(() => storage.snapshots.retain([kept.id])))) return
      const { storage: again } = await openStorage(fixture)
      const found = await again.snapshots.list()
      assert.ok(found.includes(kept.id), `${kept.id} was retained but is gone`)
      for (const id of found) await assertSnapshotContent(again, id)
      assert.deepEqual(
        found.filter((id) => id !== old.id && id !== kept.id),
        [],
      )
    })
  })
}

/** Makes an attempt with a fresh fixture for each crash point of the call. There must be at least one. */
async function atEachCrashPoint(another: CreateFixture, attempt: Attempt): Promise<void> {
  assert.ok((await countCrashPoints(another, attempt)) > 0, NO_CRASH_POINT)
}

/** Like `atEachCrashPoint`, for a call that may have none. Returns their number. */
async function countCrashPoints(another: CreateFixture, attempt: Attempt): Promise<number> {
  for (let point = 0; point < CRASH_POINTS_MAX; point++) {
    let hasCrashed = false
    const fixture = await another()
    try {
      await attempt(fixture, async (call) => {
        hasCrashed = await crashWithin(fixture, call, point)
        return hasCrashed
      })
    } catch (cause) {
      const what = cause instanceof Error ? cause.message : String(cause)
      throw new assert.AssertionError({
        message: `after a crash at crash point ${point} of the call: ${what}`,
        operator: 'fail',
      })
    }
    if (!hasCrashed) return point
  }
  assert.fail(`the call has more than ${CRASH_POINTS_MAX} crash points`)
}

/** Opens a storage and writes to it. The last write, a commit index, is not urgent. */
async function fillStorage(fixture: StorageFixture, reference: ReferenceStorage): Promise<Storage> {
  const { storage } = await openStorage(fixture)
  const blocks = [commandBlock(1, 1, 2), commandBlock(3, 1, 2), commandBlock(5, 2, 3)]
  await writeBoth(storage, reference, writeOf({ blocks, hardState: { term: 2, votedFor: 'b', commitIndex: 0 } }))
  const hardState = { term: 2, votedFor: 'b', commitIndex: 3 }
  await writeBoth(storage, reference, writeOf({ hardState, isUrgent: false }))
  return storage
}

async function writeBoth(storage: Storage, reference: ReferenceStorage, write: StorageWrite): Promise<void> {
  await storage.write(write)
  reference.recordWrite(write)
}

/** Writes a snapshot file of a few bytes. Returns its info. */
async function saveSmallSnapshot(storage: Storage, info: SnapshotInfo): Promise<SnapshotInfo> {
  const writer = await storage.snapshots.create(info)
  await writer.write(CONTENT.subarray(0, 100))
  return { ...info, size: await writer.finish() }
}

/** Opens the storage after a crash, and asserts that it recovered a possible state and accepts writes. */
async function assertRecovers(fixture: StorageFixture, reference: ReferenceStorage): Promise<Storage> {
  const { storage, recovered } = await openStorage(fixture)
  reference.assertRecovered(recovered)
  return assertWritable(fixture, storage, reference)
}

/** Asserts that the storage accepts a write and recovers it, so the crash left nothing that breaks later calls. */
async function assertWritable(
  fixture: StorageFixture,
  storage: Storage,
  reference: ReferenceStorage,
): Promise<Storage> {
  const { index } = reference.last
  const block = commandBlock(index + 1, 9, 1)
  await writeBoth(
    storage,
    reference,
    writeOf({ blocks: [block], hardState: { term: 9, votedFor: 'a', commitIndex: index } }),
  )
  const { storage: again, recovered } = await reopenStorage(fixture, storage)
  reference.recordClose()
  reference.assertRecovered(recovered)
  return again
}
