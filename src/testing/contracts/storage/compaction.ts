/** The log getting shorter at its front, and replaced as a whole. */
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
  test('drops the blocks that end at or before an index, and keeps the others', async (place) => {
    const { storage } = await openStorage(place)
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
    const { recovered, storage: again } = await reopenStorage(place, storage)
    assert.deepEqual(
      recovered.blocks.map(({ first }) => first),
      [5],
    )
    assert.deepEqual(recovered.snapshot, { ...snapshotInfoAt(4, 1), size: CONTENT.length })
    await again.write(writeOf({ blocks: [commandBlock(7, 1, 1)] }))
    assert.deepEqual(firstIndexes(await again.read(5, 1_000_000)), [5, 7])
  })

  test('lets what is kept be read meanwhile, and what is dropped be read whole or not at all', async (place) => {
    const { storage } = await openStorage(place)
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

  test('refuses to compact what no snapshot covers, and changes nothing', async (place) => {
    const { storage } = await openStorage(place)
    await storage.write(
      writeOf({ blocks: [commandBlock(1, 1, 2), commandBlock(3, 1, 2)], hardState: hardStateInTerm(1) }),
    )
    await assertRejects(storage.write(writeOf({ compactTo: 2 })), 'ERR_RAFT_INTERNAL')
    await storage.close()
    const { recovered } = await openStorage(place)
    assert.deepEqual(
      recovered.blocks.map(({ first }) => first),
      [1, 3],
    )
  })

  test('keeps a block that the index cuts in two', async (place) => {
    const { storage } = await openStorage(place)
    await storage.write(
      writeOf({ blocks: [commandBlock(1, 1, 2), commandBlock(3, 1, 4)], hardState: hardStateInTerm(1) }),
    )
    await storage.write(
      writeOf({ snapshot: { info: await saveSnapshot(storage, snapshotInfoAt(4, 1)), resetLog: false }, compactTo: 4 }),
    )
    const { recovered } = await reopenStorage(place, storage)
    assert.deepEqual(
      recovered.blocks.map(({ first }) => first),
      [3],
    )
  })

  test('goes on after a compaction that left nothing', async (place) => {
    const { storage } = await openStorage(place)
    await storage.write(writeOf({ blocks: [commandBlock(1, 2, 4)], hardState: hardStateInTerm(2) }))
    await storage.write(
      writeOf({ snapshot: { info: await saveSnapshot(storage, snapshotInfoAt(4, 2)), resetLog: false }, compactTo: 4 }),
    )
    const { storage: again } = await reopenStorage(place, storage)
    await again.write(writeOf({ blocks: [commandBlock(5, 2, 1)] }))
    assert.deepEqual(
      (await reopenStorage(place, again)).recovered.blocks.map(({ first }) => first),
      [5],
    )
  })

  test('resets the log to a snapshot from elsewhere: nothing of the old log is left, before it or after it', async (place) => {
    const { storage } = await openStorage(place)
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
    const { recovered, storage: again } = await reopenStorage(place, storage)
    assert.deepEqual(recovered.blocks, [])
    assert.deepEqual(recovered.snapshot, info)
    assert.equal(recovered.hardState.commitIndex, 10)
    await again.write(writeOf({ blocks: [commandBlock(11, 3, 2)] }))
    assert.deepEqual(
      firstIndexes((await (await reopenStorage(place, again)).storage.read(11, 100)) as EncodedBlock[]),
      [11],
    )
  })
}
