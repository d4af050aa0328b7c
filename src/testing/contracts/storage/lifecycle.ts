/** Whose the place is, and when a storage answers at all. */
import assert from 'node:assert/strict'
import type { Storage } from '../../../contracts/storage.ts'
import type { StorageTest } from './samples.ts'
import {
  assertRaftError,
  assertRejects,
  CONTENT,
  commandBlock,
  drain,
  hardStateInTerm,
  IDENTITY,
  openStorage,
  readSnapshot,
  reopenStorage,
  saveSnapshot,
  snapshotInfoAt,
  writeOf,
} from './samples.ts'

export function identities(test: StorageTest): void {
  test('of another cluster is refused, and both are named', async (place) => {
    await (await openStorage(place)).storage.close()
    const error = await assertRejects(
      place.createStorage().open({ ...IDENTITY, clusterId: 'other' }),
      'ERR_RAFT_CLUSTER_MISMATCH',
    )
    assert.match(error.message, /cluster-1[\s\S]*other/)
  })

  test('of another node is refused, and both are named', async (place) => {
    await (await openStorage(place)).storage.close()
    const error = await assertRejects(
      place.createStorage().open({ ...IDENTITY, nodeId: 'b' }),
      'ERR_RAFT_NODE_MISMATCH',
    )
    assert.match(error.message, /belongs to a\b[\s\S]*\bb\b/)
  })

  test('refused does no harm: the right one opens afterwards', async (place) => {
    const first = await openStorage(place)
    await first.storage.write(writeOf({ blocks: [commandBlock(1, 1, 1)], hardState: hardStateInTerm(1) }))
    await first.storage.close()
    await assertRejects(place.createStorage().open({ ...IDENTITY, nodeId: 'b' }), 'ERR_RAFT_NODE_MISMATCH')
    const { recovered } = await openStorage(place)
    assert.equal(recovered.directoryId, first.recovered.directoryId)
    assert.equal(recovered.blocks.length, 1)
  })

  test('may leave the cluster open where it is known on disk', async (place) => {
    await (await openStorage(place)).storage.close()
    const storage = place.createStorage()
    assert.deepEqual((await storage.open({ clusterId: '', nodeId: 'a' })).identity, IDENTITY)
    await storage.close()
  })

  test('made without a cluster id takes the one for new places, and keeps it', async (place) => {
    const first = place.createStorage()
    const { identity } = await first.open({ clusterId: '', nodeId: 'a', newClusterId: 'made-up' })
    assert.deepEqual({ ...identity }, { clusterId: 'made-up', nodeId: 'a' })
    await first.close()
    const second = place.createStorage()
    const again = await second.open({ clusterId: '', nodeId: 'a', newClusterId: 'another' })
    assert.equal(again.identity.clusterId, 'made-up')
    await second.close()
  })

  test('is held by one storage at a time', async (place) => {
    const { storage } = await openStorage(place)
    await assertRejects(place.createStorage().open(IDENTITY), 'ERR_RAFT_DATA_DIR_LOCKED')
    await storage.write(writeOf({ hardState: hardStateInTerm(1) }))
    assert.equal((await reopenStorage(place, storage)).recovered.hardState.term, 1)
  })
}

export function lifecycle(test: StorageTest): void {
  test('answers no call before it is open', async (place) => {
    await assertEveryCallRejects(place.createStorage())
  })

  test('answers no call after it is closed', async (place) => {
    const { storage } = await openStorage(place)
    await storage.close()
    await assertEveryCallRejects(storage)
  })

  test('closes twice, at once and later, and also if it was never open', async (place) => {
    const { storage } = await openStorage(place)
    await Promise.all([storage.close(), storage.close()])
    await storage.close()
    const unopened = place.createStorage()
    await unopened.close()
    await assertRejects(unopened.open(IDENTITY), 'ERR_RAFT_CLOSED')
  })

  test('is opened once', async (place) => {
    const storage = place.createStorage()
    const [first, second] = await Promise.allSettled([storage.open(IDENTITY), storage.open(IDENTITY)])
    assert.equal(first.status, 'fulfilled')
    assert.equal(second.status, 'rejected')
    await storage.write(writeOf({ hardState: hardStateInTerm(1) }))
    await storage.close()
    await assertRejects(storage.open(IDENTITY), 'ERR_RAFT_CLOSED')
  })

  test('waits at close for the write that is under way', async (place) => {
    const { storage } = await openStorage(place)
    const writing = storage.write(writeOf({ blocks: [commandBlock(1, 1, 100)], hardState: hardStateInTerm(1) }))
    const closing = storage.close()
    const late = storage.write(writeOf({ blocks: [commandBlock(101, 1, 1)] }))
    await Promise.all([writing, closing, assertRejects(late, 'ERR_RAFT_CLOSED')])
    assert.equal((await openStorage(place)).recovered.blocks.length, 1)
  })

  test('answers each of two closes while a write is under way', async (place) => {
    const { storage } = await openStorage(place)
    const writing = storage.write(writeOf({ blocks: [commandBlock(1, 1, 100)], hardState: hardStateInTerm(1) }))
    await Promise.all([writing, storage.close(), storage.close()])
    assert.equal((await openStorage(place)).recovered.blocks.length, 1)
  })

  test('may be closed while it opens, and leaves nothing locked', async (place) => {
    const storage = place.createStorage()
    const opening = storage.open(IDENTITY).catch((error: unknown) => error)
    await storage.close()
    await opening
    await assertEveryCallRejects(storage)
    await openStorage(place)
  })

  test('may be closed while it is read, and while snapshots are written and read', async (place) => {
    const { storage } = await openStorage(place)
    await storage.write(writeOf({ blocks: [commandBlock(1, 1, 100)], hardState: hardStateInTerm(1) }))
    const info = await saveSnapshot(storage, snapshotInfoAt(1, 1))
    const writer = await storage.snapshots.create(snapshotInfoAt(2, 1))
    const reader = storage.snapshots.read(info.id, 0)[Symbol.asyncIterator]()
    await reader.next()
    const settled = Promise.allSettled([storage.read(1, 100), writer.write(CONTENT), storage.snapshots.list()])
    await storage.close()
    for (const result of await settled) if (result.status === 'rejected') assertRaftError(result.reason)
    await assertRejects(writer.write(CONTENT), 'ERR_RAFT_CLOSED')
    await assertRejects(drain(reader), 'ERR_RAFT_CLOSED')
  })

  test('lets a reader and a writer be ended after it was closed', async (place) => {
    const { storage } = await openStorage(place)
    const info = await saveSnapshot(storage, snapshotInfoAt(1, 1))
    const writer = await storage.snapshots.create(snapshotInfoAt(2, 1))
    const reader = storage.snapshots.read(info.id, 0)[Symbol.asyncIterator]()
    await reader.next()
    await storage.close()
    const ends = [reader.return?.(), writer.suspend(), writer.discard()]
    for (const end of await Promise.allSettled(ends)) if (end.status === 'rejected') assertRaftError(end.reason)
    await assertRejects(writer.finish())
    await openStorage(place)
  })
}

async function assertEveryCallRejects(storage: Storage): Promise<void> {
  await assertRejects(storage.write(writeOf({ hardState: hardStateInTerm(1) })), 'ERR_RAFT_CLOSED')
  await assertRejects(storage.read(1, 100), 'ERR_RAFT_CLOSED')
  await assertRejects(storage.freeBytes(), 'ERR_RAFT_CLOSED')
  await assertRejects(storage.snapshots.create(snapshotInfoAt(1, 1)), 'ERR_RAFT_CLOSED')
  await assertRejects(storage.snapshots.list(), 'ERR_RAFT_CLOSED')
  await assertRejects(storage.snapshots.retain([]), 'ERR_RAFT_CLOSED')
  await assertRejects(readSnapshot(storage, 'any', 0), 'ERR_RAFT_CLOSED')
}
