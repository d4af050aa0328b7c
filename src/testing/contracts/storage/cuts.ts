/** The power cut within each call: what was acknowledged is there, and of the call under way no more and no less than the law allows. */
import assert from 'node:assert/strict'
import type { Storage, StorageWrite } from '../../../contracts/storage.ts'
import type { SnapshotInfo } from '../../../core/types.ts'
import { crashWithinOf } from './abilities.ts'
import { PlainStorage } from './plain-storage.ts'
import type { StoragePlace, Test } from './samples.ts'
import {
  CONTENT,
  commands,
  contentOf,
  holdsContent,
  IDENTITY,
  opened,
  reopened,
  saved,
  snapshotAt,
  writeOf,
} from './samples.ts'

/** No call changes a disk so often. */
const MOMENTS_MAX = 200

const CUT_NOTHING = 'crashWithin() cut nothing: what changes the disk has at least one moment'

type Another = () => Promise<StoragePlace>

type Attempt = (place: StoragePlace, cut: Cut) => Promise<void>

/** Makes a call with a power cut in it; false if the call came to an end before. */
type Cut = (call: () => Promise<unknown>) => Promise<boolean>

export function cuts(test: Test): void {
  cutWrites(test)
  cutSnapshots(test)
  test('leaves a place that opens, whether it was being opened for the first time or again', async (_, another) => {
    let moments = 0
    for (const isFilled of [false, true])
      moments += await atAnyMoment(another, async (place, cut) => {
        const plain = new PlainStorage()
        if (isFilled) await (await filled(place, plain)).close()
        plain.closed()
        if (!(await cut(() => place.storage().open(IDENTITY)))) return
        const { storage, recovered } = await opened(place)
        assert.equal(recovered.isNew, !isFilled)
        plain.recovers(recovered)
        await written(storage, plain, writeOf({ hardState: { ...plain.now.hardState, term: 9, votedFor: 'a' } }))
      })
    assert.ok(moments > 0, CUT_NOTHING)
  })

  test('leaves what was written, when it was being closed', async (_, another) => {
    await atEachMoment(another, async (place, cut) => {
      const plain = new PlainStorage()
      const storage = await filled(place, plain)
      if (!(await cut(() => storage.close()))) return
      await comesBack(place, plain)
    })
  })
}

function cutWrites(test: Test): void {
  test('leaves of a write all of it, or its term and vote alone, or nothing', async (_, another) => {
    await atEachMoment(another, async (place, cut) => {
      const plain = new PlainStorage()
      const storage = await filled(place, plain)
      const write = writeOf({
        snapshot: { info: await savedSmall(storage, snapshotAt(2, 1)), resetLog: false },
        truncateAfter: 4,
        blocks: [commands(5, 3, 2), commands(7, 3, 1)],
        // Committed is what this write brings, and not what it takes the place of.
        hardState: { term: 3, votedFor: 'c', commitIndex: 6 },
        compactTo: 2,
      })
      if (!(await cut(() => storage.write(write)))) return
      plain.began(write)
      await comesBack(place, plain)
    })
  })

  test('leaves the old log or the snapshot that replaces it, and never neither', async (_, another) => {
    await atEachMoment(another, async (place, cut) => {
      const plain = new PlainStorage()
      const storage = await filled(place, plain)
      const info = await savedSmall(storage, snapshotAt(40, 4))
      const hardState = { term: 4, votedFor: undefined, commitIndex: 40 }
      const write = writeOf({ snapshot: { info, resetLog: true }, hardState })
      if (!(await cut(() => storage.write(write)))) return
      plain.began(write)
      const again = await comesBack(place, plain)
      assert.equal((await contentOf(again, info.id, 0)).length, info.size)
    })
  })
}

function cutSnapshots(test: Test): void {
  test('leaves a snapshot file whole, or not in the list and to be gone on with', async (_, another) => {
    await atEachMoment(another, async (place, cut) => {
      const { storage } = await opened(place)
      const info = { ...snapshotAt(4, 1), size: CONTENT.length }
      if (!(await cut(() => saved(storage, info)))) return
      const { storage: again } = await opened(place)
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
      await holdsContent(again, info.id)
    })
  })

  test('leaves what is retained, and of the rest a file whole or none', async (_, another) => {
    await atEachMoment(another, async (place, cut) => {
      const { storage } = await opened(place)
      const [old, kept] = [await saved(storage, snapshotAt(1, 1)), await saved(storage, snapshotAt(2, 1))]
      if (!(await cut(() => storage.snapshots.retain([kept.id])))) return
      const { storage: again } = await opened(place)
      const found = await again.snapshots.list()
      assert.ok(found.includes(kept.id), `${kept.id} was to be retained, and is gone`)
      for (const id of found) await holdsContent(again, id)
      assert.deepEqual(
        found.filter((id) => id !== old.id && id !== kept.id),
        [],
      )
    })
  })
}

/** Makes an attempt in a fresh place for each moment of the call that is cut in it, which must have at least one. */
async function atEachMoment(another: Another, attempt: Attempt): Promise<void> {
  assert.ok((await atAnyMoment(another, attempt)) > 0, CUT_NOTHING)
}

/** The same for a call that may change nothing; how many moments it had. */
async function atAnyMoment(another: Another, attempt: Attempt): Promise<number> {
  for (let moment = 0; moment < MOMENTS_MAX; moment++) {
    let isCut = false
    const place = await another()
    try {
      await attempt(place, async (call) => {
        isCut = await crashWithinOf(place, call, moment)
        return isCut
      })
    } catch (cause) {
      const what = cause instanceof Error ? cause.message : String(cause)
      throw new assert.AssertionError({ message: `cut at moment ${moment} of the call: ${what}`, operator: 'fail' })
    }
    if (!isCut) return moment
  }
  assert.fail(`the power was cut at ${MOMENTS_MAX} moments of one call, and it still does not end`)
}

/** An open storage with a past: its last write, a commit index, was in no hurry. */
async function filled(place: StoragePlace, plain: PlainStorage): Promise<Storage> {
  const { storage } = await opened(place)
  const blocks = [commands(1, 1, 2), commands(3, 1, 2), commands(5, 2, 3)]
  await written(storage, plain, writeOf({ blocks, hardState: { term: 2, votedFor: 'b', commitIndex: 0 } }))
  const hardState = { term: 2, votedFor: 'b', commitIndex: 3 }
  await written(storage, plain, writeOf({ hardState, isUrgent: false }))
  return storage
}

async function written(storage: Storage, plain: PlainStorage, write: StorageWrite): Promise<void> {
  await storage.write(write)
  plain.wrote(write)
}

/** A file of a few bytes, and the record of it. */
async function savedSmall(storage: Storage, info: SnapshotInfo): Promise<SnapshotInfo> {
  const writer = await storage.snapshots.create(info)
  await writer.write(CONTENT.subarray(0, 100))
  return { ...info, size: await writer.finish() }
}

/** Opens what a crash has left, and holds it against what may be there. */
async function comesBack(place: StoragePlace, plain: PlainStorage): Promise<Storage> {
  const { storage, recovered } = await opened(place)
  plain.recovers(recovered)
  return goesOn(place, storage, plain)
}

/** What came back takes a write, and has it at the next start: nothing half done is left to be tripped over. */
async function goesOn(place: StoragePlace, storage: Storage, plain: PlainStorage): Promise<Storage> {
  const { index } = plain.last
  const block = commands(index + 1, 9, 1)
  await written(storage, plain, writeOf({ blocks: [block], hardState: { term: 9, votedFor: 'a', commitIndex: index } }))
  const { storage: again, recovered } = await reopened(place, storage)
  plain.closed()
  plain.recovers(recovered)
  return again
}
