/** Checks of the log and the hard state: reads return what was written, before and after a restart. */
import assert from 'node:assert/strict'
import type { EncodedBlock } from '../../../contracts/encoded-block.ts'
import { encodeCommands, encodeMembership, encodeNoop, payloadsOf } from '../../../log-format/block.ts'
import type { StorageTest } from './samples.ts'
import {
  assertRejects,
  commandBlock,
  comparableBlocks,
  defined,
  firstIndexes,
  firstIndexesAndTerms,
  hardStateInTerm,
  IDENTITY,
  MEMBERSHIP,
  openStorage,
  reopenStorage,
  saveSnapshot,
  snapshotInfoAt,
  withoutBytes,
  writeOf,
} from './samples.ts'

export function emptyStorage(test: StorageTest): void {
  test('is new, with term 0, no vote, no blocks and no snapshot', async (fixture) => {
    const { recovered } = await openStorage(fixture)
    assert.equal(recovered.isNew, true)
    assert.deepEqual(defined(recovered.hardState), { term: 0, commitIndex: 0 })
    assert.deepEqual(recovered.blocks, [])
    assert.equal(recovered.snapshot, undefined)
    assert.deepEqual(recovered.identity, IDENTITY)
    assert.notEqual(recovered.directoryId, '')
  })

  test('stays new and keeps its directory id if it is opened and nothing is written', async (fixture) => {
    const first = await openStorage(fixture)
    await first.storage.close()
    const second = await openStorage(fixture)
    assert.equal(second.recovered.directoryId, first.recovered.directoryId)
    assert.equal(second.recovered.isNew, true)
  })

  test('has no block to read', async (fixture) => {
    const { storage } = await openStorage(fixture)
    await assertRejects(storage.read(1, 100), 'ERR_RAFT_COMPACTED')
  })
}

export function logOfBlocks(test: StorageTest): void {
  test('returns the blocks that were written, byte for byte', async (fixture) => {
    const { storage } = await openStorage(fixture)
    const blocks = [encodeNoop(1, 1), commandBlock(2, 1, 3), encodeMembership(5, 1, MEMBERSHIP), commandBlock(6, 2, 1)]
    await storage.write(writeOf({ blocks, hardState: { term: 2, votedFor: 'b', commitIndex: 4 } }))
    assert.deepEqual(comparableBlocks(await storage.read(1, 1_000_000)), comparableBlocks(blocks))
    const { recovered, storage: again } = await reopenStorage(fixture, storage)
    assert.equal(recovered.isNew, false)
    assert.deepEqual(defined(recovered.blocks), defined(blocks.map(withoutBytes)))
    assert.deepEqual(comparableBlocks(await again.read(1, 1_000_000)), comparableBlocks(blocks))
  })

  test('returns whole blocks up to a byte limit, and at least one', async (fixture) => {
    const { storage } = await openStorage(fixture)
    const blocks = [commandBlock(1, 1, 2), commandBlock(3, 1, 2), commandBlock(5, 1, 2)]
    for (const block of blocks) await storage.write(writeOf({ blocks: [block], hardState: hardStateInTerm(1) }))
    const size = (blocks[0] as EncodedBlock).size
    assert.deepEqual(firstIndexes(await storage.read(1, 1)), [1])
    assert.deepEqual(firstIndexes(await storage.read(1, 2 * size)), [1, 3])
    assert.deepEqual(firstIndexes(await storage.read(3, 100 * size)), [3, 5])
    await assertRejects(storage.read(2, 100), 'ERR_RAFT_COMPACTED')
    await assertRejects(storage.read(7, 100), 'ERR_RAFT_COMPACTED')
  })

  test('stores large and empty commands', async (fixture) => {
    const { storage } = await openStorage(fixture)
    const payloads = [new Uint8Array(0), new Uint8Array(3 * 1024 * 1024).fill(7), new Uint8Array(1)]
    await storage.write(writeOf({ blocks: [encodeCommands(1, 1, payloads)], hardState: hardStateInTerm(1) }))
    const [block] = await (await reopenStorage(fixture, storage)).storage.read(1, 10)
    assert.deepEqual(
      payloadsOf(block as EncodedBlock).map((payload) => payload.length),
      [0, 3 * 1024 * 1024, 1],
    )
  })

  test('replaces a conflicting suffix in one write', async (fixture) => {
    const { storage } = await openStorage(fixture)
    await storage.write(
      writeOf({
        blocks: [commandBlock(1, 1, 2), commandBlock(3, 1, 2), commandBlock(5, 1, 1)],
        hardState: hardStateInTerm(1),
      }),
    )
    const replacement = [commandBlock(3, 3, 1), commandBlock(4, 3, 4)]
    await storage.write(writeOf({ truncateAfter: 2, blocks: replacement, hardState: hardStateInTerm(3) }))
    assert.deepEqual(firstIndexesAndTerms(await storage.read(1, 1_000_000)), ['1@1', '3@3', '4@3'])
    const { recovered } = await reopenStorage(fixture, storage)
    assert.deepEqual(
      recovered.blocks.map(({ first, term }) => `${first}@${term}`),
      ['1@1', '3@3', '4@3'],
    )
  })

  test('can be truncated to nothing without an append', async (fixture) => {
    const { storage } = await openStorage(fixture)
    await storage.write(
      writeOf({ blocks: [commandBlock(1, 1, 2), commandBlock(3, 1, 2)], hardState: hardStateInTerm(1) }),
    )
    await storage.write(writeOf({ truncateAfter: 0 }))
    await assertRejects(storage.read(1, 100), 'ERR_RAFT_COMPACTED')
    await storage.write(writeOf({ blocks: [commandBlock(1, 2, 1)], hardState: hardStateInTerm(2) }))
    const { recovered } = await reopenStorage(fixture, storage)
    assert.deepEqual(
      recovered.blocks.map(({ first, term }) => `${first}@${term}`),
      ['1@2'],
    )
  })

  test('rejects a block that would leave a gap, and writes nothing', async (fixture) => {
    const { storage } = await openStorage(fixture)
    await storage.write(writeOf({ blocks: [commandBlock(1, 1, 2)], hardState: hardStateInTerm(1) }))
    await assertRejects(storage.write(writeOf({ blocks: [commandBlock(4, 1, 1)] })), 'ERR_RAFT_INTERNAL')
    await storage.close()
    const { recovered } = await openStorage(fixture)
    assert.deepEqual(
      recovered.blocks.map(({ first }) => first),
      [1],
    )
  })

  test('rejects a decreasing term, and writes nothing', async (fixture) => {
    const { storage } = await openStorage(fixture)
    await storage.write(writeOf({ blocks: [commandBlock(1, 3, 2)], hardState: hardStateInTerm(3) }))
    await assertRejects(storage.write(writeOf({ blocks: [commandBlock(3, 2, 1)] })), 'ERR_RAFT_INTERNAL')
    await storage.close()
    const { recovered } = await openStorage(fixture)
    assert.deepEqual(
      recovered.blocks.map(({ first }) => first),
      [1],
    )
  })

  test('stores indexes and terms up to the largest safe integers', async (fixture) => {
    const { storage } = await openStorage(fixture)
    const far = Number.MAX_SAFE_INTEGER - 20
    const info = await saveSnapshot(storage, snapshotInfoAt(far, far))
    await storage.write(
      writeOf({ snapshot: { info, resetLog: true }, hardState: { ...hardStateInTerm(far), commitIndex: far } }),
    )
    const blocks = [commandBlock(far + 1, far, 3), commandBlock(far + 4, far + 1, 2), commandBlock(far + 6, far + 1, 1)]
    await storage.write(writeOf({ blocks, hardState: { ...hardStateInTerm(far + 1), commitIndex: far } }))
    assert.deepEqual(firstIndexes(await storage.read(far + 4, 1_000_000)), [far + 4, far + 6])
    const { recovered, storage: again } = await reopenStorage(fixture, storage)
    assert.deepEqual(defined(recovered.hardState), { term: far + 1, commitIndex: far })
    assert.deepEqual(defined(recovered.blocks), defined(blocks.map(withoutBytes)))
    assert.deepEqual(comparableBlocks(await again.read(far + 1, 1_000_000)), comparableBlocks(blocks))
  })

  test('can be read during a write', async (fixture) => {
    const { storage } = await openStorage(fixture)
    await storage.write(
      writeOf({ blocks: [commandBlock(1, 1, 1), commandBlock(2, 1, 1)], hardState: hardStateInTerm(1) }),
    )
    for (let round = 2; round < 30; round++) {
      const truncating = storage.write(
        writeOf({ truncateAfter: 1, blocks: [commandBlock(2, round, 1)], hardState: hardStateInTerm(round) }),
      )
      const read = await storage.read(1, 1_000_000)
      assert.deepEqual(firstIndexes(read), [1, 2])
      assert.ok([round - 1, round].includes(read[1]?.term as number), `term ${read[1]?.term} in round ${round}`)
      await truncating
    }
  })
}

export function hardState(test: StorageTest): void {
  test('survives a restart', async (fixture) => {
    const { storage } = await openStorage(fixture)
    await storage.write(writeOf({ hardState: { term: 4, votedFor: 'c', commitIndex: 0 } }))
    await storage.write(writeOf({ hardState: { term: 5, votedFor: undefined, commitIndex: 0 } }))
    const { recovered, storage: again } = await reopenStorage(fixture, storage)
    assert.deepEqual(defined(recovered.hardState), { term: 5, commitIndex: 0 })
    assert.equal(recovered.isNew, false)
    await again.write(writeOf({ hardState: { term: 5, votedFor: 'a', commitIndex: 0 } }))
    assert.equal((await reopenStorage(fixture, again)).recovered.hardState.votedFor, 'a')
  })

  test('includes a commit index of a non-urgent write after a close', async (fixture) => {
    const { storage } = await openStorage(fixture)
    await storage.write(writeOf({ blocks: [commandBlock(1, 1, 3)], hardState: hardStateInTerm(1) }))
    await storage.write(writeOf({ hardState: { ...hardStateInTerm(1), commitIndex: 3 }, isUrgent: false }))
    assert.equal((await reopenStorage(fixture, storage)).recovered.hardState.commitIndex, 3)
  })
}
