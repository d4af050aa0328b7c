/** Checks of the identity of a storage, and of calls before open() and after close(). */
import assert from 'node:assert/strict'
import type { BootHistory, Storage } from '../../../contracts/storage.ts'
import { RaftError } from '../../../errors.ts'
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
  test('of another cluster is rejected, and the error names both', async (fixture) => {
    await (await openStorage(fixture)).storage.close()
    const error = await assertRejects(
      fixture.createStorage().open({ ...IDENTITY, clusterId: 'other' }),
      'ERR_RAFT_CLUSTER_MISMATCH',
    )
    for (const name of [IDENTITY.clusterId, 'other']) assertNames(error, name)
  })

  test('of another node is rejected, and the error names both', async (fixture) => {
    const storage = fixture.createStorage()
    await storage.open({ ...IDENTITY, nodeId: 'node-1' })
    await storage.close()
    const error = await assertRejects(
      fixture.createStorage().open({ ...IDENTITY, nodeId: 'node-2' }),
      'ERR_RAFT_NODE_MISMATCH',
    )
    for (const name of ['node-1', 'node-2']) assertNames(error, name)
  })

  test('is unchanged after a rejected open', async (fixture) => {
    const first = await openStorage(fixture)
    await first.storage.write(writeOf({ blocks: [commandBlock(1, 1, 1)], hardState: hardStateInTerm(1) }))
    await first.storage.close()
    await assertRejects(fixture.createStorage().open({ ...IDENTITY, nodeId: 'b' }), 'ERR_RAFT_NODE_MISMATCH')
    const { recovered } = await openStorage(fixture)
    assert.equal(recovered.directoryId, first.recovered.directoryId)
    assert.equal(recovered.blocks.length, 1)
  })

  test('may omit the cluster id if it is on disk', async (fixture) => {
    await (await openStorage(fixture)).storage.close()
    const storage = fixture.createStorage()
    assert.deepEqual((await storage.open({ clusterId: '', nodeId: 'a' })).identity, IDENTITY)
    await storage.close()
  })

  test('takes the new cluster id if none is given, and keeps it', async (fixture) => {
    const first = fixture.createStorage()
    const { identity } = await first.open({ clusterId: '', nodeId: 'a', newClusterId: 'made-up' })
    assert.deepEqual({ ...identity }, { clusterId: 'made-up', nodeId: 'a' })
    await first.close()
    const second = fixture.createStorage()
    const again = await second.open({ clusterId: '', nodeId: 'a', newClusterId: 'another' })
    assert.equal(again.identity.clusterId, 'made-up')
    await second.close()
  })

  test('counts its boots: each open draws the next number and a new id, and knows the ids before', async (fixture) => {
    const boots: BootHistory[] = []
    for (let opens = 0; opens < 3; opens++) {
      const { storage, recovered } = await openStorage(fixture)
      boots.unshift(recovered.boot)
      await storage.close()
    }
    const ids = boots.map(({ id }) => id)
    assert.deepEqual(
      boots.map(({ number }) => number),
      [3, 2, 1],
    )
    assert.equal(new Set(ids).size, 3, `the same id was drawn twice: ${ids.join(', ')}`)
    assert.ok(ids.every((id) => id !== ''))
    assert.deepEqual(boots[0]?.earlier, ids.slice(1))
  })

  test('stays unusable once it is marked, and says why', async (fixture) => {
    const { storage } = await openStorage(fixture)
    // The runtime passes the error that stops the node; the message of an error is not one of its enumerable properties.
    await storage.markUnusable(new RaftError('ERR_RAFT_DIRECTORY_MISMATCH', 'it has forgotten entry 7'))
    await storage.close()
    for (let opens = 0; opens < 2; opens++) {
      const error = await assertRejects(fixture.createStorage().open(IDENTITY), 'ERR_RAFT_DIRECTORY_MISMATCH')
      assert.match(error.message, /it has forgotten entry 7/)
    }
  })

  test('is used by one storage at a time', async (fixture) => {
    const { storage } = await openStorage(fixture)
    await assertRejects(fixture.createStorage().open(IDENTITY), 'ERR_RAFT_DATA_DIR_LOCKED')
    await storage.write(writeOf({ hardState: hardStateInTerm(1) }))
    assert.equal((await reopenStorage(fixture, storage)).recovered.hardState.term, 1)
  })
}

export function lifecycle(test: StorageTest): void {
  test('rejects every call before it is open', async (fixture) => {
    await assertEveryCallRejects(fixture.createStorage())
  })

  test('rejects every call after it is closed', async (fixture) => {
    const { storage } = await openStorage(fixture)
    await storage.close()
    await assertEveryCallRejects(storage)
  })

  test('can be closed twice, concurrently and later, and without being opened', async (fixture) => {
    const { storage } = await openStorage(fixture)
    await Promise.all([storage.close(), storage.close()])
    await storage.close()
    const unopened = fixture.createStorage()
    await unopened.close()
    await assertRejects(unopened.open(IDENTITY), 'ERR_RAFT_CLOSED')
  })

  test('can be opened only once', async (fixture) => {
    const storage = fixture.createStorage()
    const [first, second] = await Promise.allSettled([storage.open(IDENTITY), storage.open(IDENTITY)])
    assert.equal(first.status, 'fulfilled')
    assert.equal(second.status, 'rejected')
    await storage.write(writeOf({ hardState: hardStateInTerm(1) }))
    await storage.close()
    await assertRejects(storage.open(IDENTITY), 'ERR_RAFT_CLOSED')
  })

  test('waits for a pending write when it closes', async (fixture) => {
    const { storage } = await openStorage(fixture)
    const writing = storage.write(writeOf({ blocks: [commandBlock(1, 1, 100)], hardState: hardStateInTerm(1) }))
    const closing = storage.close()
    const late = storage.write(writeOf({ blocks: [commandBlock(101, 1, 1)] }))
    await Promise.all([writing, closing, assertRejects(late, 'ERR_RAFT_CLOSED')])
    assert.equal((await openStorage(fixture)).recovered.blocks.length, 1)
  })

  test('settles two concurrent closes during a write', async (fixture) => {
    const { storage } = await openStorage(fixture)
    const writing = storage.write(writeOf({ blocks: [commandBlock(1, 1, 100)], hardState: hardStateInTerm(1) }))
    await Promise.all([writing, storage.close(), storage.close()])
    assert.equal((await openStorage(fixture)).recovered.blocks.length, 1)
  })

  test('can be closed while it opens, and leaves no lock', async (fixture) => {
    const storage = fixture.createStorage()
    const opening = storage.open(IDENTITY).catch((error: unknown) => error)
    await storage.close()
    await opening
    await assertEveryCallRejects(storage)
    await openStorage(fixture)
  })

  test('can be closed during reads, and while snapshots are written and read', async (fixture) => {
    const { storage } = await openStorage(fixture)
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

  test('allows snapshot readers and writers to end after a close', async (fixture) => {
    const { storage } = await openStorage(fixture)
    const info = await saveSnapshot(storage, snapshotInfoAt(1, 1))
    const writer = await storage.snapshots.create(snapshotInfoAt(2, 1))
    const reader = storage.snapshots.read(info.id, 0)[Symbol.asyncIterator]()
    await reader.next()
    await storage.close()
    const ends = [reader.return?.(), writer.suspend(), writer.discard()]
    for (const end of await Promise.allSettled(ends)) if (end.status === 'rejected') assertRaftError(end.reason)
    await assertRejects(writer.finish())
    await openStorage(fixture)
  })
}

function assertNames({ message }: RaftError, name: string): void {
  assert.ok(message.includes(name), `the message of the error does not name ${name}: ${message}`)
}

async function assertEveryCallRejects(storage: Storage): Promise<void> {
  await assertRejects(storage.write(writeOf({ hardState: hardStateInTerm(1) })), 'ERR_RAFT_CLOSED')
  await assertRejects(storage.read(1, 100), 'ERR_RAFT_CLOSED')
  await assertRejects(storage.freeBytes(), 'ERR_RAFT_CLOSED')
  const reason = { code: 'ERR_RAFT_CORRUPT', message: 'too late' } as const
  await assertRejects(storage.markUnusable(reason), 'ERR_RAFT_CLOSED')
  await assertRejects(storage.snapshots.create(snapshotInfoAt(1, 1)), 'ERR_RAFT_CLOSED')
  await assertRejects(storage.snapshots.list(), 'ERR_RAFT_CLOSED')
  await assertRejects(storage.snapshots.retain([]), 'ERR_RAFT_CLOSED')
  await assertRejects(readSnapshot(storage, 'any', 0), 'ERR_RAFT_CLOSED')
}
