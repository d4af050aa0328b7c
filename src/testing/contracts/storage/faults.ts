/** Checks of crashes, lost syncs, full disks and failing disks. */
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
  test('loses no urgent write', async (fixture) => {
    const { storage } = await openStorage(fixture)
    await storage.write(
      writeOf({ blocks: [commandBlock(1, 1, 3)], hardState: { term: 1, votedFor: 'a', commitIndex: 0 } }),
    )
    const info = await saveSnapshot(storage, snapshotInfoAt(3, 1))
    await storage.write(writeOf({ snapshot: { info, resetLog: false }, blocks: [commandBlock(4, 1, 1)] }))
    await storage.write(writeOf({ hardState: { term: 7, votedFor: 'c', commitIndex: 3 } }))
    await crash(fixture)
    const { recovered, storage: again } = await openStorage(fixture)
    assert.equal(recovered.hardState.term, 7)
    assert.equal(recovered.hardState.votedFor, 'c')
    assert.deepEqual(
      recovered.blocks.map(({ first }) => first),
      [1, 4],
    )
    assert.deepEqual(recovered.snapshot, info)
    await assertSnapshotContent(again, info.id)
  })

  test('forgets no boot and no mark', async (fixture) => {
    const first = await openStorage(fixture)
    await crash(fixture)
    const second = await openStorage(fixture)
    assert.equal(second.recovered.boot.number, 2)
    assert.deepEqual(second.recovered.boot.earlier, [first.recovered.boot.id])
    await second.storage.markUnusable({ code: 'ERR_RAFT_DIRECTORY_MISMATCH', message: 'it has forgotten entry 7' })
    await crash(fixture)
    await assertRejects(fixture.createStorage().open(IDENTITY), 'ERR_RAFT_DIRECTORY_MISMATCH')
  })

  test('keeps the writes that precede an urgent one', async (fixture) => {
    const { storage } = await openStorage(fixture)
    await storage.write(writeOf({ blocks: [commandBlock(1, 1, 3)], hardState: hardStateInTerm(1) }))
    await storage.write(writeOf({ hardState: { ...hardStateInTerm(1), commitIndex: 2 }, isUrgent: false }))
    await storage.write(writeOf({ isUrgent: true }))
    await crash(fixture)
    assert.equal((await openStorage(fixture)).recovered.hardState.commitIndex, 2)
  })

  test('leaves no partial snapshot in the list, and a partial one can be resumed', async (fixture) => {
    const { storage } = await openStorage(fixture)
    const info = { ...snapshotInfoAt(4, 1), size: CONTENT.length }
    const writer = await storage.snapshots.create(info)
    await writer.write(CONTENT.subarray(0, 700_000))
    await crash(fixture)
    const { storage: again } = await openStorage(fixture)
    assert.deepEqual(await again.snapshots.list(), [])
    const second = await again.snapshots.create(info)
    await second.write(CONTENT.subarray(second.offset))
    await second.finish()
    await assertSnapshotContent(again, info.id)
  })
}

export function lostSyncs(test: StorageTest): void {
  test('leaves a prefix of the writes or is detected, and never leaves a mixture', async (_, another) => {
    let part = 0
    while (await checkLostSyncs(await another(), part)) part++
    assert.ok(part > 0, 'loseSyncs(0) has no effect')
  })
}

/** Writes while the syncs of a part have no effect, and checks the state after a crash. Returns false if there is no such part. */
async function checkLostSyncs(fixture: StorageFixture, part: number): Promise<boolean> {
  const reference = new ReferenceStorage()
  const { storage } = await openStorage(fixture)
  const first = writeOf({ blocks: [commandBlock(1, 1, 2)], hardState: hardStateInTerm(1) })
  await storage.write(first)
  reference.recordWrite(first)
  if (!(await loseSyncs(fixture, part))) return false
  const lost = [
    writeOf({ blocks: [commandBlock(3, 2, 2)], hardState: { term: 2, votedFor: 'b', commitIndex: 2 } }),
    writeOf({ truncateAfter: 2, blocks: [commandBlock(3, 3, 4)], hardState: hardStateInTerm(3) }),
    writeOf({ hardState: { term: 4, votedFor: 'c', commitIndex: 2 } }),
  ]
  for (const write of lost) {
    await storage.write(write)
    reference.recordUnfinishedWrite(write)
  }
  await crash(fixture)
  const again = fixture.createStorage()
  const recovered = await again.open(IDENTITY).catch((error: unknown) => {
    if (isRaftError(error, 'ERR_RAFT_CORRUPT')) return undefined
    throw error
  })
  if (recovered === undefined) return true
  reference.assertRecovered(recovered)
  const { blocks } = reference.current
  assert.deepEqual(comparableBlocks(await again.read(1, Number.MAX_SAFE_INTEGER)), comparableBlocks(blocks))
  return true
}

export function fullDisks(test: StorageTest): void {
  const bulk = encodeCommands(4, 1, [new Uint8Array(64 * 1024).fill(1)])

  test('stops all writes, even after space is freed, and loses no acknowledged write', async (fixture) => {
    const reference = new ReferenceStorage()
    const { storage } = await openStorage(fixture)
    const first = writeOf({ blocks: [commandBlock(1, 1, 3)], hardState: { term: 1, votedFor: 'a', commitIndex: 0 } })
    await storage.write(first)
    reference.recordWrite(first)
    const free = await fillDisk(fixture)
    const second = writeOf({ blocks: [bulk], hardState: { term: 2, votedFor: 'b', commitIndex: 0 } })
    const failure = await assertRejects(storage.write(second), 'ERR_RAFT_NO_SPACE')
    reference.recordUnfinishedWrite(second)
    free()
    assert.equal(await assertRejects(storage.write(writeOf({ blocks: [commandBlock(4, 1, 1)] }))), failure)
    const { storage: again, recovered } = await reopenStorage(fixture, storage)
    reference.assertRecovered(recovered)
    await again.write(
      writeOf({ blocks: [commandBlock(reference.last.index + 1, 2, 1)], hardState: hardStateInTerm(2) }),
    )
  })

  test('rejects a snapshot without listing it, and the log accepts writes once space is freed', async (fixture) => {
    const { storage } = await openStorage(fixture)
    const free = await fillDisk(fixture)
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
  test(`that fails to write ${what} makes every later call fail with the same error`, async (fixture) => {
    const { storage } = await openStorage(fixture)
    await storage.write(writeOf({ blocks: [commandBlock(1, 1, 3)], hardState: hardStateInTerm(1) }))
    await failWrites(fixture)
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
