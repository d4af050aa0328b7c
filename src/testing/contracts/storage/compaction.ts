/** Checks of compaction and of a log reset. */
import assert from 'node:assert/strict'
import type { EncodedBlock } from '../../../contracts/encoded-block.ts'
import type { RaftError } from '../../../errors.ts'
import type { StorageTest } from './samples.ts'
import {
  assertRejects,
  CONTENT,
  commandBlock,
  firstIndexes,
  hardStateInTerm,
  openStorage,
  reopenStorage,
  saveSnapshot,
  snapshotInfoAt,
  writeOf,
} from './samples.ts'

export function compaction(test: StorageTest): void {
  test('removes the blocks that end at or before the index, and keeps the others', async (fixture) => {
    const { storage } = await openStorage(fixture)
    await storage.write(
      writeOf({
        blocks: [commandBlock(1, 1, 2), commandBlock(3, 1, 2), commandBlock(5, 1, 2)],
        hardState: hardStateInTerm(1),
      }),
    )
    await storage.write(
      writeOf({ snapshot: { info: await saveSnapshot(storage, snapshotInfoAt(4, 1)), resetLog: false } }),
    )
    await storage.write(writeOf({ compactTo: 4, isUrgent: false }))
    await assertRejects(storage.read(1, 100), 'ERR_RAFT_COMPACTED')
    assert.deepEqual(firstIndexes(await storage.read(5, 1_000_000)), [5])
    const { recovered, storage: again } = await reopenStorage(fixture, storage)
    assert.deepEqual(
      recovered.blocks.map(({ first }) => first),
      [5],
    )
    assert.deepEqual(recovered.snapshot, { ...snapshotInfoAt(4, 1), size: CONTENT.length })
    await again.write(writeOf({ blocks: [commandBlock(7, 1, 1)] }))
    assert.deepEqual(firstIndexes(await again.read(5, 1_000_000)), [5, 7])
  })

  test('allows concurrent reads: a kept block is returned, a removed one is returned whole or rejected', async (fixture) => {
    const { storage } = await openStorage(fixture)
    const blocks = Array.from({ length: 40 }, (_, at) => commandBlock(at + 1, 1, 1))
    await storage.write(writeOf({ blocks, hardState: { ...hardStateInTerm(1), commitIndex: 40 } }))
    await storage.write(
      writeOf({ snapshot: { info: await saveSnapshot(storage, snapshotInfoAt(39, 1)), resetLog: false } }),
    )
    for (let compactTo = 2; compactTo < 40; compactTo++) {
      const compacting = storage.write(writeOf({ compactTo, isUrgent: false }))
      const dropped = storage.read(compactTo, 1).then(firstIndexes, (error: RaftError) => error.code)
      assert.deepEqual(firstIndexes(await storage.read(compactTo + 1, 1_000_000))[0], compactTo + 1)
      assert.ok([String([compactTo]), 'ERR_RAFT_COMPACTED'].includes(String(await dropped)), String(await dropped))
      await compacting
    }
  })

  test('beyond the snapshot is rejected, and changes nothing', async (fixture) => {
    const { storage } = await openStorage(fixture)
    await storage.write(
      writeOf({ blocks: [commandBlock(1, 1, 2), commandBlock(3, 1, 2)], hardState: hardStateInTerm(1) }),
    )
    await assertRejects(storage.write(writeOf({ compactTo: 2 })), 'ERR_RAFT_INTERNAL')
    await storage.close()
    const { recovered } = await openStorage(fixture)
    assert.deepEqual(
      recovered.blocks.map(({ first }) => first),
      [1, 3],
    )
  })

  test('keeps a block with entries on both sides of the index', async (fixture) => {
    const { storage } = await openStorage(fixture)
    await storage.write(
      writeOf({ blocks: [commandBlock(1, 1, 2), commandBlock(3, 1, 4)], hardState: hardStateInTerm(1) }),
    )
    await storage.write(
      writeOf({ snapshot: { info: await saveSnapshot(storage, snapshotInfoAt(4, 1)), resetLog: false }, compactTo: 4 }),
    )
    const { recovered } = await reopenStorage(fixture, storage)
    assert.deepEqual(
      recovered.blocks.map(({ first }) => first),
      [3],
    )
  })

  test('allows appends after it has removed every block', async (fixture) => {
    const { storage } = await openStorage(fixture)
    await storage.write(writeOf({ blocks: [commandBlock(1, 2, 4)], hardState: hardStateInTerm(2) }))
    await storage.write(
      writeOf({ snapshot: { info: await saveSnapshot(storage, snapshotInfoAt(4, 2)), resetLog: false }, compactTo: 4 }),
    )
    const { storage: again } = await reopenStorage(fixture, storage)
    await again.write(writeOf({ blocks: [commandBlock(5, 2, 1)] }))
    assert.deepEqual(
      (await reopenStorage(fixture, again)).recovered.blocks.map(({ first }) => first),
      [5],
    )
  })
}

export function logReset(test: StorageTest): void {
  test('leaves the snapshot and no block of the old log', async (fixture) => {
    const { storage } = await openStorage(fixture)
    await storage.write(
      writeOf({
        blocks: [commandBlock(1, 1, 5), commandBlock(6, 1, 10), commandBlock(16, 1, 1)],
        hardState: hardStateInTerm(1),
      }),
    )
    const info = await saveSnapshot(storage, snapshotInfoAt(10, 3))
    await storage.write(
      writeOf({ snapshot: { info, resetLog: true }, hardState: { term: 3, votedFor: undefined, commitIndex: 10 } }),
    )
    for (const first of [1, 6, 16]) await assertRejects(storage.read(first, 100), 'ERR_RAFT_COMPACTED')
    const { recovered, storage: again } = await reopenStorage(fixture, storage)
    assert.deepEqual(recovered.blocks, [])
    assert.deepEqual(recovered.snapshot, info)
    assert.equal(recovered.hardState.commitIndex, 10)
    await again.write(writeOf({ blocks: [commandBlock(11, 3, 2)] }))
    assert.deepEqual(
      firstIndexes((await (await reopenStorage(fixture, again)).storage.read(11, 100)) as EncodedBlock[]),
      [11],
    )
  })
}
