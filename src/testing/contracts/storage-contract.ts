/** What every storage must do, as a suite for any test runner: pass in `describe`, `it` and how to make a place to store in. */
import assert from 'node:assert/strict'
import type { EncodedBlock } from '../../contracts/block.ts'
import { encodeCommands, encodeMembership, encodeNoop, payloadsOf } from '../../contracts/block.ts'
import type { RecoveredState, Storage, StorageIdentity, StorageWrite } from '../../contracts/storage.ts'
import type { HardState, Membership, SnapshotInfo } from '../../core/types.ts'
import type { RaftError } from '../../errors.ts'
import { isRaftError } from '../../errors.ts'

/** One place to store in, empty at first. */
export interface StoragePlace {
  /** A new storage, not yet open, over what the last one left. */
  storage(): Storage
  /** A power cut: the open storage is gone, and with it what was not durable. Tests of crashes need it. */
  crash?(): Promise<void>
  /** Makes the next write of the open storage fail, and perhaps later ones. Tests of failing disks need it. */
  failWrites?(): Promise<void>
  /** Closes what is open and removes everything. */
  destroy(): Promise<void>
}

export interface StorageContractOptions {
  readonly describe: (name: string, body: () => void) => unknown
  readonly it: (name: string, body: () => Promise<void>) => unknown
  readonly make: () => Promise<StoragePlace>
}

export function storageContract({ describe, it, make }: StorageContractOptions): void {
  const test: Test = (name, body) =>
    it(name, async () => {
      const place = await make()
      try {
        await body(place)
      } finally {
        await place.destroy()
      }
    })
  describe('storage contract', () => {
    describe('an empty storage', () => emptyStorage(test))
    describe('the log', () => logOfBlocks(test))
    describe('the hard state', () => hardState(test))
    describe('compaction and reset', () => compaction(test))
    describe('snapshot files', () => snapshotFiles(test))
    describe('identity', () => identities(test))
    describe('lifecycle', () => lifecycle(test))
    describe('a crash', () => crashes(test))
    describe('a failing disk', () => failures(test))
  })
}

type Test = (name: string, body: (place: StoragePlace) => Promise<void>) => unknown

function emptyStorage(test: Test): void {
  test('is new, with term 0, no vote, no blocks and no snapshot', async (place) => {
    const { recovered } = await opened(place)
    assert.equal(recovered.isNew, true)
    assert.deepEqual(recovered.hardState, { term: 0, votedFor: undefined, commitIndex: 0 })
    assert.deepEqual(recovered.blocks, [])
    assert.equal(recovered.snapshot, undefined)
    assert.deepEqual(recovered.identity, IDENTITY)
    assert.notEqual(recovered.directoryId, '')
  })

  test('keeps its directory id, and is still new, when it was opened and nothing was written', async (place) => {
    const first = await opened(place)
    await first.storage.close()
    const second = await opened(place)
    assert.equal(second.recovered.directoryId, first.recovered.directoryId)
    assert.equal(second.recovered.isNew, true)
  })

  test('has no block to read', async (place) => {
    const { storage } = await opened(place)
    await rejects(storage.read(1, 100), 'ERR_RAFT_COMPACTED')
  })
}

function logOfBlocks(test: Test): void {
  test('gives back the blocks that were written, byte for byte', async (place) => {
    const { storage } = await opened(place)
    const blocks = [encodeNoop(1, 1), commands(2, 1, 3), encodeMembership(5, 1, MEMBERSHIP), commands(6, 2, 1)]
    await storage.write(writeOf({ blocks, hardState: { term: 2, votedFor: 'b', commitIndex: 4 } }))
    assert.deepEqual(summaries(await storage.read(1, 1_000_000)), summaries(blocks))
    const { recovered, storage: again } = await reopened(place, storage)
    assert.equal(recovered.isNew, false)
    assert.deepEqual(recovered.blocks, blocks.map(withoutBytes))
    assert.deepEqual(summaries(await again.read(1, 1_000_000)), summaries(blocks))
  })

  test('reads whole blocks up to a number of bytes, and at least one', async (place) => {
    const { storage } = await opened(place)
    const blocks = [commands(1, 1, 2), commands(3, 1, 2), commands(5, 1, 2)]
    for (const block of blocks) await storage.write(writeOf({ blocks: [block], hardState: term(1) }))
    const size = (blocks[0] as EncodedBlock).size
    assert.deepEqual(firstsOf(await storage.read(1, 1)), [1])
    assert.deepEqual(firstsOf(await storage.read(1, 2 * size)), [1, 3])
    assert.deepEqual(firstsOf(await storage.read(3, 100 * size)), [3, 5])
    await rejects(storage.read(2, 100), 'ERR_RAFT_COMPACTED')
    await rejects(storage.read(7, 100), 'ERR_RAFT_COMPACTED')
  })

  test('takes large and empty commands', async (place) => {
    const { storage } = await opened(place)
    const payloads = [new Uint8Array(0), new Uint8Array(3 * 1024 * 1024).fill(7), new Uint8Array(1)]
    await storage.write(writeOf({ blocks: [encodeCommands(1, 1, payloads)], hardState: term(1) }))
    const [block] = await (await reopened(place, storage)).storage.read(1, 10)
    assert.deepEqual(
      payloadsOf(block as EncodedBlock).map((payload) => payload.length),
      [0, 3 * 1024 * 1024, 1],
    )
  })

  test('replaces a conflicting suffix in one write', async (place) => {
    const { storage } = await opened(place)
    await storage.write(
      writeOf({ blocks: [commands(1, 1, 2), commands(3, 1, 2), commands(5, 1, 1)], hardState: term(1) }),
    )
    const replacement = [commands(3, 3, 1), commands(4, 3, 4)]
    await storage.write(writeOf({ truncateAfter: 2, blocks: replacement, hardState: term(3) }))
    assert.deepEqual(termsOf(await storage.read(1, 1_000_000)), ['1@1', '3@3', '4@3'])
    const { recovered } = await reopened(place, storage)
    assert.deepEqual(
      recovered.blocks.map(({ first, term }) => `${first}@${term}`),
      ['1@1', '3@3', '4@3'],
    )
  })

  test('truncates without appending, down to nothing', async (place) => {
    const { storage } = await opened(place)
    await storage.write(writeOf({ blocks: [commands(1, 1, 2), commands(3, 1, 2)], hardState: term(1) }))
    await storage.write(writeOf({ truncateAfter: 0 }))
    await rejects(storage.read(1, 100), 'ERR_RAFT_COMPACTED')
    await storage.write(writeOf({ blocks: [commands(1, 2, 1)], hardState: term(2) }))
    const { recovered } = await reopened(place, storage)
    assert.deepEqual(
      recovered.blocks.map(({ first, term }) => `${first}@${term}`),
      ['1@2'],
    )
  })

  test('refuses a block that would leave a hole, and writes nothing of it', async (place) => {
    const { storage } = await opened(place)
    await storage.write(writeOf({ blocks: [commands(1, 1, 2)], hardState: term(1) }))
    await rejects(storage.write(writeOf({ blocks: [commands(4, 1, 1)] })), 'ERR_RAFT_INTERNAL')
    await storage.close()
    const { recovered } = await opened(place)
    assert.deepEqual(
      recovered.blocks.map(({ first }) => first),
      [1],
    )
  })

  test('is read while it is written', async (place) => {
    const { storage } = await opened(place)
    await storage.write(writeOf({ blocks: [commands(1, 1, 1), commands(2, 1, 1)], hardState: term(1) }))
    for (let round = 2; round < 30; round++) {
      const truncating = storage.write(
        writeOf({ truncateAfter: 1, blocks: [commands(2, round, 1)], hardState: term(round) }),
      )
      const read = await storage.read(1, 1_000_000)
      assert.deepEqual(firstsOf(read), [1, 2])
      assert.ok([round - 1, round].includes(read[1]?.term as number), `term ${read[1]?.term} in round ${round}`)
      await truncating
    }
  })
}

function hardState(test: Test): void {
  test('survives a restart: term, vote, and the commit index as a hint', async (place) => {
    const { storage } = await opened(place)
    await storage.write(writeOf({ hardState: { term: 4, votedFor: 'c', commitIndex: 0 } }))
    await storage.write(writeOf({ hardState: { term: 5, votedFor: undefined, commitIndex: 0 } }))
    const { recovered, storage: again } = await reopened(place, storage)
    assert.deepEqual(recovered.hardState, { term: 5, votedFor: undefined, commitIndex: 0 })
    assert.equal(recovered.isNew, false)
    await again.write(writeOf({ hardState: { term: 5, votedFor: 'a', commitIndex: 0 } }))
    assert.equal((await reopened(place, again)).recovered.hardState.votedFor, 'a')
  })

  test('keeps a commit index that was not urgent until it is closed', async (place) => {
    const { storage } = await opened(place)
    await storage.write(writeOf({ blocks: [commands(1, 1, 3)], hardState: term(1) }))
    await storage.write(writeOf({ hardState: { ...term(1), commitIndex: 3 }, isUrgent: false }))
    assert.equal((await reopened(place, storage)).recovered.hardState.commitIndex, 3)
  })
}

function compaction(test: Test): void {
  test('drops the blocks that end at or before an index, and keeps the others', async (place) => {
    const { storage } = await opened(place)
    await storage.write(
      writeOf({ blocks: [commands(1, 1, 2), commands(3, 1, 2), commands(5, 1, 2)], hardState: term(1) }),
    )
    await storage.write(writeOf({ snapshot: { info: await saved(storage, snapshotAt(4, 1)), resetLog: false } }))
    await storage.write(writeOf({ compactTo: 4, isUrgent: false }))
    await rejects(storage.read(1, 100), 'ERR_RAFT_COMPACTED')
    assert.deepEqual(firstsOf(await storage.read(5, 1_000_000)), [5])
    const { recovered, storage: again } = await reopened(place, storage)
    assert.deepEqual(
      recovered.blocks.map(({ first }) => first),
      [5],
    )
    assert.deepEqual(recovered.snapshot, { ...snapshotAt(4, 1), size: CONTENT.length })
    await again.write(writeOf({ blocks: [commands(7, 1, 1)] }))
    assert.deepEqual(firstsOf(await again.read(5, 1_000_000)), [5, 7])
  })

  test('keeps a block that the index cuts in two', async (place) => {
    const { storage } = await opened(place)
    await storage.write(writeOf({ blocks: [commands(1, 1, 2), commands(3, 1, 4)], hardState: term(1) }))
    await storage.write(
      writeOf({ snapshot: { info: await saved(storage, snapshotAt(4, 1)), resetLog: false }, compactTo: 4 }),
    )
    const { recovered } = await reopened(place, storage)
    assert.deepEqual(
      recovered.blocks.map(({ first }) => first),
      [3],
    )
  })

  test('goes on after a compaction that left nothing', async (place) => {
    const { storage } = await opened(place)
    await storage.write(writeOf({ blocks: [commands(1, 2, 4)], hardState: term(2) }))
    await storage.write(
      writeOf({ snapshot: { info: await saved(storage, snapshotAt(4, 2)), resetLog: false }, compactTo: 4 }),
    )
    const { storage: again } = await reopened(place, storage)
    await again.write(writeOf({ blocks: [commands(5, 2, 1)] }))
    assert.deepEqual(
      (await reopened(place, again)).recovered.blocks.map(({ first }) => first),
      [5],
    )
  })

  test('resets the log to a snapshot from elsewhere: nothing of the old log is left, before it or after it', async (place) => {
    const { storage } = await opened(place)
    await storage.write(
      writeOf({ blocks: [commands(1, 1, 5), commands(6, 1, 10), commands(16, 1, 1)], hardState: term(1) }),
    )
    const info = await saved(storage, snapshotAt(10, 3))
    await storage.write(
      writeOf({ snapshot: { info, resetLog: true }, hardState: { term: 3, votedFor: undefined, commitIndex: 10 } }),
    )
    for (const first of [1, 6, 16]) await rejects(storage.read(first, 100), 'ERR_RAFT_COMPACTED')
    const { recovered, storage: again } = await reopened(place, storage)
    assert.deepEqual(recovered.blocks, [])
    assert.deepEqual(recovered.snapshot, info)
    assert.equal(recovered.hardState.commitIndex, 10)
    await again.write(writeOf({ blocks: [commands(11, 3, 2)] }))
    assert.deepEqual(firstsOf((await (await reopened(place, again)).storage.read(11, 100)) as EncodedBlock[]), [11])
  })
}

function snapshotFiles(test: Test): void {
  test('are whole once finished, listed, and read from any offset', async (place) => {
    const { storage } = await opened(place)
    const { snapshots } = storage
    assert.deepEqual(await snapshots.list(), [])
    const info = await saved(storage, snapshotAt(4, 1))
    assert.equal(info.size, CONTENT.length)
    assert.deepEqual(await snapshots.list(), [info.id])
    for (const offset of [0, 1, 300_000, CONTENT.length - 1, CONTENT.length])
      assert.ok((await contentOf(storage, info.id, offset)).equals(CONTENT.subarray(offset)), `from ${offset}`)
    const { storage: again } = await reopened(place, storage)
    assert.deepEqual(await again.snapshots.list(), [info.id])
    assert.ok((await contentOf(again, info.id, 0)).equals(CONTENT))
  })

  test('may be empty', async (place) => {
    const { storage } = await opened(place)
    const writer = await storage.snapshots.create(snapshotAt(1, 1))
    assert.equal(await writer.finish(), 0)
    assert.equal((await contentOf(storage, snapshotAt(1, 1).id, 0)).length, 0)
  })

  test('go on where a broken transfer stopped', async (place) => {
    const { storage } = await opened(place)
    const info = { ...snapshotAt(4, 1), size: CONTENT.length }
    const broken = await storage.snapshots.create(info)
    assert.equal(broken.offset, 0)
    for (let at = 0; at < 700_000; at += 70_000) await broken.write(CONTENT.subarray(at, at + 70_000))
    await broken.suspend()
    assert.deepEqual(await storage.snapshots.list(), [])
    const { storage: again } = await reopened(place, storage)
    const writer = await again.snapshots.create(info)
    assert.ok(writer.offset > 0 && writer.offset <= 700_000, `offset ${writer.offset}`)
    await writer.write(CONTENT.subarray(writer.offset))
    assert.equal(await writer.finish(), CONTENT.length)
    assert.ok((await contentOf(again, info.id, 0)).equals(CONTENT))
  })

  test('begin anew when discarded, or when the partial file is of another snapshot', async (place) => {
    const { storage } = await opened(place)
    const info = { ...snapshotAt(4, 1), size: CONTENT.length }
    const discarded = await storage.snapshots.create(info)
    await discarded.write(CONTENT.subarray(0, 600_000))
    await discarded.discard()
    const second = await storage.snapshots.create(info)
    assert.equal(second.offset, 0)
    await second.write(CONTENT.subarray(0, 600_000))
    await second.suspend()
    assert.equal((await storage.snapshots.create({ ...info, index: 5 })).offset, 0)
  })

  test('are refused when they end with another size than announced', async (place) => {
    const { storage } = await opened(place)
    const info = { ...snapshotAt(4, 1), size: CONTENT.length }
    const writer = await storage.snapshots.create(info)
    await writer.write(CONTENT.subarray(1))
    await rejects(writer.finish(), 'ERR_RAFT_CORRUPT')
    assert.deepEqual(await storage.snapshots.list(), [])
    assert.equal((await storage.snapshots.create(info)).offset, 0)
  })

  test('are removed unless retained', async (place) => {
    const { storage } = await opened(place)
    const { snapshots } = storage
    for (const index of [1, 2, 3]) await saved(storage, snapshotAt(index, 1))
    const partial = await snapshots.create({ ...snapshotAt(4, 1), size: CONTENT.length })
    await partial.write(CONTENT.subarray(0, 600_000))
    await partial.suspend()
    await snapshots.retain([snapshotAt(2, 1).id])
    assert.deepEqual(await snapshots.list(), [snapshotAt(2, 1).id])
    await rejects(contentOf(storage, snapshotAt(1, 1).id, 0), 'ERR_RAFT_SNAPSHOT_GONE')
    assert.equal((await snapshots.create({ ...snapshotAt(4, 1), size: CONTENT.length })).offset, 0)
  })

  test('take any id without leaving their place', async (place) => {
    const { storage } = await opened(place)
    const ids = ['../../escape', '..', 'a/b', 'ümlaut %41', 'n1-00000012-3']
    for (const id of ids) await saved(storage, { ...snapshotAt(1, 1), id })
    assert.deepEqual([...(await storage.snapshots.list())].sort(), [...ids].sort())
    for (const id of ids) assert.ok((await contentOf(storage, id, 0)).equals(CONTENT))
  })

  test('answer for an unknown id that it is gone', async (place) => {
    const { storage } = await opened(place)
    await rejects(contentOf(storage, 'nobody', 0), 'ERR_RAFT_SNAPSHOT_GONE')
  })
}

function identities(test: Test): void {
  test('of another cluster is refused, and both are named', async (place) => {
    await (await opened(place)).storage.close()
    const error = await rejects(place.storage().open({ ...IDENTITY, clusterId: 'other' }), 'ERR_RAFT_CLUSTER_MISMATCH')
    assert.match(error.message, /cluster-1[\s\S]*other/)
  })

  test('of another node is refused, and both are named', async (place) => {
    await (await opened(place)).storage.close()
    const error = await rejects(place.storage().open({ ...IDENTITY, nodeId: 'b' }), 'ERR_RAFT_NODE_MISMATCH')
    assert.match(error.message, /belongs to a\b[\s\S]*\bb\b/)
  })

  test('refused does no harm: the right one opens afterwards', async (place) => {
    const first = await opened(place)
    await first.storage.write(writeOf({ blocks: [commands(1, 1, 1)], hardState: term(1) }))
    await first.storage.close()
    await rejects(place.storage().open({ ...IDENTITY, nodeId: 'b' }), 'ERR_RAFT_NODE_MISMATCH')
    const { recovered } = await opened(place)
    assert.equal(recovered.directoryId, first.recovered.directoryId)
    assert.equal(recovered.blocks.length, 1)
  })

  test('may leave the cluster open where it is known on disk', async (place) => {
    await (await opened(place)).storage.close()
    const storage = place.storage()
    assert.deepEqual((await storage.open({ clusterId: '', nodeId: 'a' })).identity, IDENTITY)
    await storage.close()
  })

  test('is held by one storage at a time', async (place) => {
    const { storage } = await opened(place)
    await rejects(place.storage().open(IDENTITY), 'ERR_RAFT_DATA_DIR_LOCKED')
    await storage.write(writeOf({ hardState: term(1) }))
    assert.equal((await reopened(place, storage)).recovered.hardState.term, 1)
  })
}

function lifecycle(test: Test): void {
  test('answers no call before it is open', async (place) => {
    await everyCallRejects(place.storage())
  })

  test('answers no call after it is closed', async (place) => {
    const { storage } = await opened(place)
    await storage.close()
    await everyCallRejects(storage)
  })

  test('closes twice, at once and later, and also if it was never open', async (place) => {
    const { storage } = await opened(place)
    await Promise.all([storage.close(), storage.close()])
    await storage.close()
    const unopened = place.storage()
    await unopened.close()
    await rejects(unopened.open(IDENTITY), 'ERR_RAFT_CLOSED')
  })

  test('is opened once', async (place) => {
    const storage = place.storage()
    const [first, second] = await Promise.allSettled([storage.open(IDENTITY), storage.open(IDENTITY)])
    assert.equal(first.status, 'fulfilled')
    assert.equal(second.status, 'rejected')
    await storage.write(writeOf({ hardState: term(1) }))
    await storage.close()
    await rejects(storage.open(IDENTITY), 'ERR_RAFT_CLOSED')
  })

  test('waits at close for the write that is under way', async (place) => {
    const { storage } = await opened(place)
    const writing = storage.write(writeOf({ blocks: [commands(1, 1, 100)], hardState: term(1) }))
    const closing = storage.close()
    const late = storage.write(writeOf({ blocks: [commands(101, 1, 1)] }))
    await rejects(late, 'ERR_RAFT_CLOSED')
    await Promise.all([writing, closing])
    assert.equal((await opened(place)).recovered.blocks.length, 1)
  })

  test('may be closed while it opens, and leaves nothing locked', async (place) => {
    const storage = place.storage()
    const opening = storage.open(IDENTITY).catch((error: unknown) => error)
    await storage.close()
    await opening
    await everyCallRejects(storage)
    await opened(place)
  })

  test('may be closed while it is read, and while snapshots are written and read', async (place) => {
    const { storage } = await opened(place)
    await storage.write(writeOf({ blocks: [commands(1, 1, 100)], hardState: term(1) }))
    const info = await saved(storage, snapshotAt(1, 1))
    const writer = await storage.snapshots.create(snapshotAt(2, 1))
    const reader = storage.snapshots.read(info.id, 0)[Symbol.asyncIterator]()
    await reader.next()
    const settled = Promise.allSettled([storage.read(1, 100), writer.write(CONTENT), storage.snapshots.list()])
    await storage.close()
    for (const result of await settled) if (result.status === 'rejected') assertRaftError(result.reason)
    await rejects(writer.write(CONTENT), 'ERR_RAFT_CLOSED')
    await rejects(drain(reader), 'ERR_RAFT_CLOSED')
  })
}

function crashes(test: Test): void {
  test('loses nothing that was urgent', async (place) => {
    if (place.crash === undefined) return
    const { storage } = await opened(place)
    await storage.write(writeOf({ blocks: [commands(1, 1, 3)], hardState: { term: 1, votedFor: 'a', commitIndex: 0 } }))
    const info = await saved(storage, snapshotAt(3, 1))
    await storage.write(writeOf({ snapshot: { info, resetLog: false }, blocks: [commands(4, 1, 1)] }))
    await storage.write(writeOf({ hardState: { term: 7, votedFor: 'c', commitIndex: 3 } }))
    await place.crash()
    const { recovered, storage: again } = await opened(place)
    assert.equal(recovered.hardState.term, 7)
    assert.equal(recovered.hardState.votedFor, 'c')
    assert.deepEqual(
      recovered.blocks.map(({ first }) => first),
      [1, 4],
    )
    assert.deepEqual(recovered.snapshot, info)
    assert.ok((await contentOf(again, info.id, 0)).equals(CONTENT))
  })

  test('makes an urgent write carry the ones before it', async (place) => {
    if (place.crash === undefined) return
    const { storage } = await opened(place)
    await storage.write(writeOf({ blocks: [commands(1, 1, 3)], hardState: term(1) }))
    await storage.write(writeOf({ hardState: { ...term(1), commitIndex: 2 }, isUrgent: false }))
    await storage.write(writeOf({ isUrgent: true }))
    await place.crash()
    assert.equal((await opened(place)).recovered.hardState.commitIndex, 2)
  })

  test('leaves no partial snapshot in the list, and what is resumed of one is right', async (place) => {
    if (place.crash === undefined) return
    const { storage } = await opened(place)
    const info = { ...snapshotAt(4, 1), size: CONTENT.length }
    const writer = await storage.snapshots.create(info)
    await writer.write(CONTENT.subarray(0, 700_000))
    await place.crash()
    const { storage: again } = await opened(place)
    assert.deepEqual(await again.snapshots.list(), [])
    const second = await again.snapshots.create(info)
    await second.write(CONTENT.subarray(second.offset))
    await second.finish()
    assert.ok((await contentOf(again, info.id, 0)).equals(CONTENT))
  })
}

function failures(test: Test): void {
  test('fails every later call with the same error, for good', async (place) => {
    if (place.failWrites === undefined) return
    const { storage } = await opened(place)
    await storage.write(writeOf({ blocks: [commands(1, 1, 3)], hardState: term(1) }))
    await place.failWrites()
    const bulk = encodeCommands(4, 1, [new Uint8Array(64 * 1024).fill(1)])
    const failure = await rejects(storage.write(writeOf({ blocks: [bulk] })))
    assert.ok(['ERR_RAFT_NO_SPACE', 'ERR_RAFT_STORAGE'].includes(failure.code), failure.code)
    const calls: (() => Promise<unknown>)[] = [
      () => storage.write(writeOf({ isUrgent: false })),
      () => storage.write(writeOf({ blocks: [commands(4, 1, 1)] })),
      () => storage.read(1, 100),
      () => storage.snapshots.list(),
      () => storage.freeBytes(),
    ]
    for (const call of calls) assert.equal(await rejects(call()), failure)
    await storage.close()
  })
}

async function everyCallRejects(storage: Storage): Promise<void> {
  await rejects(storage.write(writeOf({ hardState: term(1) })), 'ERR_RAFT_CLOSED')
  await rejects(storage.read(1, 100), 'ERR_RAFT_CLOSED')
  await rejects(storage.freeBytes(), 'ERR_RAFT_CLOSED')
  await rejects(storage.snapshots.create(snapshotAt(1, 1)), 'ERR_RAFT_CLOSED')
  await rejects(storage.snapshots.list(), 'ERR_RAFT_CLOSED')
  await rejects(storage.snapshots.retain([]), 'ERR_RAFT_CLOSED')
  await rejects(contentOf(storage, 'any', 0), 'ERR_RAFT_CLOSED')
}

const IDENTITY: StorageIdentity = { clusterId: 'cluster-1', nodeId: 'a' }

const MEMBERSHIP: Membership = {
  members: [{ id: 'a', address: '127.0.0.1:1', directoryId: '', addedAt: 0, promote: false }],
  voters: ['a'],
  outgoing: [],
  learners: [],
}

/** More than a chunk or two of any storage, and no two places alike. */
const CONTENT: Buffer = Buffer.from(Uint32Array.from({ length: 250_000 }, (_, at) => Math.imul(at, 2654435761)).buffer)

async function opened(place: StoragePlace): Promise<{ storage: Storage; recovered: RecoveredState }> {
  const storage = place.storage()
  return { storage, recovered: await storage.open(IDENTITY) }
}

async function reopened(
  place: StoragePlace,
  storage: Storage,
): Promise<{ storage: Storage; recovered: RecoveredState }> {
  await storage.close()
  return opened(place)
}

function writeOf(write: Partial<StorageWrite>): StorageWrite {
  return { blocks: [], isUrgent: true, ...write }
}

function term(term: number): HardState {
  return { term, votedFor: undefined, commitIndex: 0 }
}

function commands(first: number, term: number, count: number): EncodedBlock {
  const payloads = Array.from({ length: count }, (_, at) => new TextEncoder().encode(`${first + at} of ${term}`))
  return encodeCommands(first, term, payloads)
}

function snapshotAt(index: number, term: number): SnapshotInfo {
  return { id: `snapshot-${index}-${term}`, index, term, membership: MEMBERSHIP, size: 0 }
}

/** Writes a whole snapshot file of CONTENT; the info with its size. */
async function saved(storage: Storage, info: SnapshotInfo): Promise<SnapshotInfo> {
  const writer = await storage.snapshots.create(info)
  for (let at = 0; at < CONTENT.length; at += 100_000) await writer.write(CONTENT.subarray(at, at + 100_000))
  return { ...info, size: await writer.finish() }
}

async function contentOf(storage: Storage, id: string, offset: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of storage.snapshots.read(id, offset)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function drain(iterator: AsyncIterator<Uint8Array>): Promise<void> {
  while (!(await iterator.next()).done);
}

async function rejects(promise: Promise<unknown>, code?: string): Promise<RaftError> {
  const error = await promise.then(
    () => assert.fail(`resolved, and should have been rejected${code === undefined ? '' : ` with ${code}`}`),
    (error: unknown) => error,
  )
  assertRaftError(error)
  if (code !== undefined) assert.equal(error.code, code, error.message)
  return error
}

function assertRaftError(error: unknown): asserts error is RaftError {
  assert.ok(isRaftError(error), `not a RaftError: ${String(error)}`)
}

function withoutBytes({ bytes: _, ...head }: EncodedBlock): Omit<EncodedBlock, 'bytes'> {
  return head
}

function summaries(blocks: readonly EncodedBlock[]): object[] {
  return blocks.map((block) => ({ ...withoutBytes(block), bytes: Buffer.from(block.bytes).toString('base64') }))
}

function firstsOf(blocks: readonly EncodedBlock[]): number[] {
  return blocks.map(({ first }) => first)
}

function termsOf(blocks: readonly EncodedBlock[]): string[] {
  return blocks.map(({ first, term }) => `${first}@${term}`)
}
