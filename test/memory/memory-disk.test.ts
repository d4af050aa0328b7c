/** What survives a crash of a memory disk. */
import assert from 'node:assert/strict'
import { RaftError } from '../../src/errors.ts'
import { encodeNoop } from '../../src/log-format/block.ts'
import { MemoryDisk } from '../../src/memory/memory-disk.ts'
import { MemoryStorage } from '../../src/memory/memory-storage.ts'

const IDENTITY = { clusterId: 'c', nodeId: 'a' }
const appendOf = (index: number, isUrgent: boolean) => ({ blocks: [encodeNoop(index, 1)], isUrgent })

async function open(disk: MemoryDisk) {
  const storage = new MemoryStorage({ disk })
  return { storage, recovered: await storage.open(IDENTITY) }
}

describe('a memory disk', () => {
  it('loses unsynced writes in a crash, except for the number of writes to keep', async () => {
    for (const { keep, left } of [
      { keep: 0, left: 1 },
      { keep: 1, left: 2 },
      { keep: 9, left: 3 },
    ]) {
      const disk = new MemoryDisk()
      const { storage } = await open(disk)
      await storage.write(appendOf(1, true))
      await storage.write(appendOf(2, false))
      await storage.write(appendOf(3, false))
      assert.equal(disk.unsyncedWrites, 2)
      assert.equal((await storage.read(1, 1000)).length, 3)
      disk.crash(keep)
      assert.equal((await open(disk)).recovered.blocks.length, left)
    }
  })

  it('keeps only term and vote of a torn write in a crash', async () => {
    const disk = new MemoryDisk()
    const { storage } = await open(disk)
    await storage.write({ ...appendOf(1, true), hardState: { term: 1, votedFor: 'a', commitIndex: 0 } })
    const torn = { ...appendOf(2, false), hardState: { term: 2, votedFor: 'b', commitIndex: 1 } }
    await storage.write(torn)
    disk.crash(0, torn)
    const { hardState, blocks } = (await open(disk)).recovered
    assert.deepEqual(hardState, { term: 2, votedFor: 'b', commitIndex: 0 })
    assert.equal(blocks.length, 1)
  })

  it('is copied with what is durable, and the copy draws boots of its own', async () => {
    const disk = new MemoryDisk()
    const { storage, recovered } = await open(disk)
    await storage.write(appendOf(1, true))
    await storage.write(appendOf(2, false))
    const copy = disk.copy()
    await storage.write(appendOf(3, true))
    const again = (await open(copy)).recovered
    assert.equal(again.blocks.length, 1)
    assert.equal(again.directoryId, recovered.directoryId)
    assert.deepEqual(again.boot.earlier, [recovered.boot.id])
    disk.crash()
    const original = (await open(disk)).recovered
    assert.equal(original.blocks.length, 3)
    assert.notEqual(original.boot.id, again.boot.id)
  })

  it('makes the storage that had it open reject every call after a crash', async () => {
    const disk = new MemoryDisk()
    const { storage } = await open(disk)
    const writer = await storage.snapshots.create({
      id: 's',
      index: 1,
      term: 1,
      chain: 9,
      size: 0,
      membership: EMPTY_MEMBERSHIP,
    })
    disk.crash()
    await assert.rejects(storage.write(appendOf(1, true)), { code: 'ERR_RAFT_CLOSED' })
    await assert.rejects(writer.write(new Uint8Array(1)), { code: 'ERR_RAFT_CLOSED' })
    await assert.rejects(writer.finish(), { code: 'ERR_RAFT_CLOSED' })
    await storage.close()
    assert.equal((await open(disk)).recovered.blocks.length, 0)
  })

  it('stores nothing of a failed write', async () => {
    const disk = new MemoryDisk()
    const { storage } = await open(disk)
    const full = new RaftError('ERR_RAFT_NO_SPACE', 'full')
    disk.failWrites(full)
    await assert.rejects(storage.write(appendOf(1, true)), full)
    disk.failWrites(undefined)
    await assert.rejects(storage.write(appendOf(1, true)), full)
    await storage.close()
    assert.equal((await open(disk)).recovered.blocks.length, 0)
  })

  it('has the configured directory id, or a new one', () => {
    assert.equal(new MemoryDisk({ directoryId: 'd7' }).directoryId, 'd7')
    assert.notEqual(new MemoryDisk().directoryId, new MemoryDisk().directoryId)
  })
})

const EMPTY_MEMBERSHIP = { members: [], voters: [], outgoing: [], learners: [] }
