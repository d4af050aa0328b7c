/** What is left after a crash, and how a failing disk is the last word. */
import assert from 'node:assert/strict'
import type { StorageWrite } from '../../../contracts/storage.ts'
import { isRaftError } from '../../../errors.ts'
import { encodeCommands } from '../../../log-format/block.ts'
import { crash, failWrites, fillDisk, loseSyncs } from './capabilities.ts'
import { ReferenceStorage } from './reference-storage.ts'
import type { StorageFixture, StorageTest } from './samples.ts'
import {
  assertRejects,
  assertSnapshotContent,
  CONTENT,
  commandBlock,
  comparableBlocks,
  hardStateInTerm,
  IDENTITY,
  openStorage,
  reopenStorage,
  saveSnapshot,
  snapshotInfoAt,
  writeOf,
} from './samples.ts'

export function crashes(test: StorageTest): void {
  test('loses nothing that was urgent', async (place) => {
    const { storage } = await openStorage(place)
    await storage.write(
      writeOf({ blocks: [commandBlock(1, 1, 3)], hardState: { term: 1, votedFor: 'a', commitIndex: 0 } }),
    )
    const info = await saveSnapshot(storage, snapshotInfoAt(3, 1))
    await storage.write(writeOf({ snapshot: { info, resetLog: false }, blocks: [commandBlock(4, 1, 1)] }))
    await storage.write(writeOf({ hardState: { term: 7, votedFor: 'c', commitIndex: 3 } }))
    await crash(place)
    const { recovered, storage: again } = await openStorage(place)
    assert.equal(recovered.hardState.term, 7)
    assert.equal(recovered.hardState.votedFor, 'c')
    assert.deepEqual(
      recovered.blocks.map(({ first }) => first),
      [1, 4],
    )
    assert.deepEqual(recovered.snapshot, info)
    await assertSnapshotContent(again, info.id)
  })

  test('makes an urgent write carry the ones before it', async (place) => {
    const { storage } = await openStorage(place)
    await storage.write(writeOf({ blocks: [commandBlock(1, 1, 3)], hardState: hardStateInTerm(1) }))
    await storage.write(writeOf({ hardState: { ...hardStateInTerm(1), commitIndex: 2 }, isUrgent: false }))
    await storage.write(writeOf({ isUrgent: true }))
    await crash(place)
    assert.equal((await openStorage(place)).recovered.hardState.commitIndex, 2)
  })

  test('leaves no partial snapshot in the list, and what is resumed of one is right', async (place) => {
    const { storage } = await openStorage(place)
    const info = { ...snapshotInfoAt(4, 1), size: CONTENT.length }
    const writer = await storage.snapshots.create(info)
    await writer.write(CONTENT.subarray(0, 700_000))
    await crash(place)
    const { storage: again } = await openStorage(place)
    assert.deepEqual(await again.snapshots.list(), [])
    const second = await again.snapshots.create(info)
    await second.write(CONTENT.subarray(second.offset))
    await second.finish()
    await assertSnapshotContent(again, info.id)
  })
}

export function lostSyncs(test: StorageTest): void {
  test('brings back a beginning of what was written, or is noticed, and never a mixture', async (_, another) => {
    let part = 0
    while (await checkLostSyncs(await another(), part)) part++
    assert.ok(part > 0, 'loseSyncs(0) lost nothing')
  })
}

/** Writes while the syncs of a part do nothing, and judges what a crash has left; false if there is no such part. */
async function checkLostSyncs(place: StorageFixture, part: number): Promise<boolean> {
  const plain = new ReferenceStorage()
  const { storage } = await openStorage(place)
  const first = writeOf({ blocks: [commandBlock(1, 1, 2)], hardState: hardStateInTerm(1) })
  await storage.write(first)
  plain.recordWrite(first)
  if (!(await loseSyncs(place, part))) return false
  const lost = [
    writeOf({ blocks: [commandBlock(3, 2, 2)], hardState: { term: 2, votedFor: 'b', commitIndex: 2 } }),
    writeOf({ truncateAfter: 2, blocks: [commandBlock(3, 3, 4)], hardState: hardStateInTerm(3) }),
    writeOf({ hardState: { term: 4, votedFor: 'c', commitIndex: 2 } }),
  ]
  for (const write of lost) {
    await storage.write(write)
    plain.recordUnfinishedWrite(write)
  }
  await crash(place)
  const again = place.createStorage()
  const recovered = await again.open(IDENTITY).catch((error: unknown) => {
    if (isRaftError(error, 'ERR_RAFT_CORRUPT')) return undefined
    throw error
  })
  if (recovered === undefined) return true
  plain.assertRecovered(recovered)
  const { blocks } = plain.current
  assert.deepEqual(comparableBlocks(await again.read(1, Number.MAX_SAFE_INTEGER)), comparableBlocks(blocks))
  return true
}

export function fullDisks(test: StorageTest): void {
  const bulk = encodeCommands(4, 1, [new Uint8Array(64 * 1024).fill(1)])

  test('is named, is the last word even when there is room again, and loses nothing that was acknowledged', async (place) => {
    const plain = new ReferenceStorage()
    const { storage } = await openStorage(place)
    const first = writeOf({ blocks: [commandBlock(1, 1, 3)], hardState: { term: 1, votedFor: 'a', commitIndex: 0 } })
    await storage.write(first)
    plain.recordWrite(first)
    const free = await fillDisk(place)
    const second = writeOf({ blocks: [bulk], hardState: { term: 2, votedFor: 'b', commitIndex: 0 } })
    const failure = await assertRejects(storage.write(second), 'ERR_RAFT_NO_SPACE')
    plain.recordUnfinishedWrite(second)
    free()
    assert.equal(await assertRejects(storage.write(writeOf({ blocks: [commandBlock(4, 1, 1)] }))), failure)
    const { storage: again, recovered } = await reopenStorage(place, storage)
    plain.assertRecovered(recovered)
    await again.write(writeOf({ blocks: [commandBlock(plain.last.index + 1, 2, 1)], hardState: hardStateInTerm(2) }))
  })

  test('refuses a snapshot and lists nothing of it, and the log goes on when there is room again', async (place) => {
    const { storage } = await openStorage(place)
    const free = await fillDisk(place)
    await assertRejects(saveSnapshot(storage, snapshotInfoAt(3, 1)), 'ERR_RAFT_NO_SPACE')
    free()
    assert.deepEqual(await storage.snapshots.list(), [])
    await storage.write(writeOf({ blocks: [commandBlock(1, 1, 3)], hardState: hardStateInTerm(1) }))
    const info = await saveSnapshot(storage, snapshotInfoAt(3, 1))
    await assertSnapshotContent(storage, info.id)
  })
}

export function failures(test: StorageTest): void {
  const bulk = encodeCommands(4, 1, [new Uint8Array(64 * 1024).fill(1)])
  const vote = { term: 2, votedFor: 'b', commitIndex: 0 }

  for (const { what, write } of [
    { what: 'blocks', write: writeOf({ blocks: [bulk] }) },
    { what: 'a vote', write: writeOf({ hardState: vote }) },
  ])
    failingWrite(test, what, write)
}

function failingWrite(test: StorageTest, what: string, write: StorageWrite): void {
  test(`that could not take ${what} fails every later call with the same error, for good`, async (place) => {
    const { storage } = await openStorage(place)
    await storage.write(writeOf({ blocks: [commandBlock(1, 1, 3)], hardState: hardStateInTerm(1) }))
    await failWrites(place)
    const failure = await assertRejects(storage.write(write))
    assert.ok(['ERR_RAFT_NO_SPACE', 'ERR_RAFT_STORAGE'].includes(failure.code), failure.code)
    const calls: (() => Promise<unknown>)[] = [
      () => storage.write(writeOf({ isUrgent: false })),
      () => storage.write(writeOf({ blocks: [commandBlock(4, 1, 1)] })),
      () => storage.read(1, 100),
      () => storage.snapshots.list(),
      () => storage.snapshots.create(snapshotInfoAt(3, 1)),
      () => storage.snapshots.retain([]),
      () => storage.freeBytes(),
    ]
    for (const call of calls) assert.equal(await assertRejects(call()), failure)
    await storage.close()
  })
}
