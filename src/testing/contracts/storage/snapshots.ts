/** Checks of snapshot files: writing, resuming, listing, reading and removing them. */
import assert from 'node:assert/strict'
import type { StorageTest } from './samples.ts'
import {
  assertRejects,
  assertSnapshotContent,
  CONTENT,
  openStorage,
  readSnapshot,
  reopenStorage,
  saveSnapshot,
  snapshotInfoAt,
} from './samples.ts'

export function snapshotFiles(test: StorageTest): void {
  test('are listed once finished, and can be read from any offset', async (fixture) => {
    const { storage } = await openStorage(fixture)
    const { snapshots } = storage
    assert.deepEqual(await snapshots.list(), [])
    const info = await saveSnapshot(storage, snapshotInfoAt(4, 1))
    assert.equal(info.size, CONTENT.length)
    assert.deepEqual(await snapshots.list(), [info.id])
    for (const offset of [0, 1, 300_000, CONTENT.length - 1, CONTENT.length])
      await assertSnapshotContent(storage, info.id, offset)
    const { storage: again } = await reopenStorage(fixture, storage)
    assert.deepEqual(await again.snapshots.list(), [info.id])
    await assertSnapshotContent(again, info.id)
  })

  test('can be empty', async (fixture) => {
    const { storage } = await openStorage(fixture)
    const writer = await storage.snapshots.create(snapshotInfoAt(1, 1))
    assert.equal(await writer.finish(), 0)
    assert.equal((await readSnapshot(storage, snapshotInfoAt(1, 1).id, 0)).length, 0)
  })

  test('resume after an interrupted transfer', async (fixture) => {
    const { storage } = await openStorage(fixture)
    const info = { ...snapshotInfoAt(4, 1), size: CONTENT.length }
    const broken = await storage.snapshots.create(info)
    assert.equal(broken.offset, 0)
    for (let at = 0; at < 700_000; at += 70_000) await broken.write(CONTENT.subarray(at, at + 70_000))
    await broken.suspend()
    assert.deepEqual(await storage.snapshots.list(), [])
    const { storage: again } = await reopenStorage(fixture, storage)
    const writer = await again.snapshots.create(info)
    assert.ok(writer.offset > 0 && writer.offset <= 700_000, `offset ${writer.offset}`)
    await writer.write(CONTENT.subarray(writer.offset))
    assert.equal(await writer.finish(), CONTENT.length)
    await assertSnapshotContent(again, info.id)
  })

  test('start over if the partial file was discarded or belongs to another snapshot', async (fixture) => {
    const { storage } = await openStorage(fixture)
    const info = { ...snapshotInfoAt(4, 1), size: CONTENT.length }
    const discarded = await storage.snapshots.create(info)
    await discarded.write(CONTENT.subarray(0, 600_000))
    await discarded.discard()
    const second = await storage.snapshots.create(info)
    assert.equal(second.offset, 0)
    await second.write(CONTENT.subarray(0, 600_000))
    await second.suspend()
    assert.equal((await storage.snapshots.create({ ...info, index: 5 })).offset, 0)
  })

  test('are replaced by a file that is finished under the same id', async (fixture) => {
    const { storage } = await openStorage(fixture)
    const info = snapshotInfoAt(4, 1)
    const damaged = await storage.snapshots.create(info)
    await damaged.write(new Uint8Array(10))
    await damaged.finish()
    await saveSnapshot(storage, info)
    await assertSnapshotContent(storage, info.id)
  })

  test('are rejected if their size differs from the announced size', async (fixture) => {
    const { storage } = await openStorage(fixture)
    const info = { ...snapshotInfoAt(4, 1), size: CONTENT.length }
    const writer = await storage.snapshots.create(info)
    await writer.write(CONTENT.subarray(1))
    await assertRejects(writer.finish(), 'ERR_RAFT_CORRUPT')
    assert.deepEqual(await storage.snapshots.list(), [])
    assert.equal((await storage.snapshots.create(info)).offset, 0)
  })

  test('cannot be written after their writer has ended', async (fixture) => {
    const { storage } = await openStorage(fixture)
    const writer = await storage.snapshots.create(snapshotInfoAt(4, 1))
    await writer.write(CONTENT)
    await writer.finish()
    await assertRejects(writer.write(CONTENT), 'ERR_RAFT_CLOSED')
    await assertRejects(writer.finish(), 'ERR_RAFT_CLOSED')
    await Promise.all([writer.suspend(), writer.discard()])
    assert.deepEqual(await storage.snapshots.list(), [snapshotInfoAt(4, 1).id])
    await assertSnapshotContent(storage, snapshotInfoAt(4, 1).id)
  })

  test('are removed unless retained', async (fixture) => {
    const { storage } = await openStorage(fixture)
    const { snapshots } = storage
    for (const index of [1, 2, 3]) await saveSnapshot(storage, snapshotInfoAt(index, 1))
    const partial = await snapshots.create({ ...snapshotInfoAt(4, 1), size: CONTENT.length })
    await partial.write(CONTENT.subarray(0, 600_000))
    await partial.suspend()
    await snapshots.retain([snapshotInfoAt(2, 1).id])
    assert.deepEqual(await snapshots.list(), [snapshotInfoAt(2, 1).id])
    await assertRejects(readSnapshot(storage, snapshotInfoAt(1, 1).id, 0), 'ERR_RAFT_SNAPSHOT_GONE')
    assert.equal((await snapshots.create({ ...snapshotInfoAt(4, 1), size: CONTENT.length })).offset, 0)
  })

  test('accept any id without escaping their directory', async (fixture) => {
    const { storage } = await openStorage(fixture)
    const ids = ['../../escape', '..', 'a/b', 'ümlaut %41', 'n1-00000012-3']
    for (const id of ids) await saveSnapshot(storage, { ...snapshotInfoAt(1, 1), id })
    assert.deepEqual([...(await storage.snapshots.list())].sort(), [...ids].sort())
    for (const id of ids) await assertSnapshotContent(storage, id)
  })

  test('report an unknown id as gone', async (fixture) => {
    const { storage } = await openStorage(fixture)
    await assertRejects(readSnapshot(storage, 'unknown', 0), 'ERR_RAFT_SNAPSHOT_GONE')
  })
}
