import assert from 'node:assert/strict'
import type { SnapshotStore } from '../../../src/contracts/storage.ts'
import type { SnapshotInfo } from '../../../src/core/types.ts'
import { RaftError } from '../../../src/errors.ts'
import { MemoryStorage } from '../../../src/memory/memory-storage.ts'
import { SnapshotRetention } from '../../../src/runtime/snapshots/snapshot-retention.ts'
import { flushPromises } from '../virtual-cluster.ts'

describe('snapshot retention', () => {
  it('keeps the newest two files, and those that are being read or written', async () => {
    const storage = await openStorage()
    for (const id of ['s1', 's2', 'fetching']) await writeSnapshot(storage, id)
    const inProgress = () => [undefined, 'fetching']
    const retention = new SnapshotRetention({
      storage,
      recovered: 's1',
      inProgress,
      onFailed: assert.fail,
      onDamaged: assert.fail,
    })
    const reading = retention.read('s2', 0)
    await reading.next()
    for (const id of ['s3', 's4', 's5']) {
      await writeSnapshot(storage, id)
      retention.onRecorded(infoOf(id))
      await flushPromises()
    }
    assert.deepEqual(await files(storage), ['fetching', 's2', 's4', 's5'])
    await reading.return()
    await writeSnapshot(storage, 's6')
    retention.onRecorded(infoOf('s6'))
    await flushPromises()
    assert.deepEqual(await files(storage), ['fetching', 's5', 's6'])
  })

  it('keeps a complete file that is not recorded yet when an older one is recorded', async () => {
    const storage = await openStorage()
    const parts = { storage, recovered: undefined, inProgress: () => [], onFailed: assert.fail, onDamaged: assert.fail }
    const retention = new SnapshotRetention(parts)
    for (const id of ['s1', 's2']) {
      await writeSnapshot(storage, id)
      retention.onFinished(infoOf(id))
    }
    retention.onRecorded(infoOf('s1'))
    await flushPromises()
    assert.deepEqual(await files(storage), ['s1', 's2'])
  })

  it('reports a damaged file to the peer that reads it and as an event', async () => {
    const damage = new RaftError('ERR_RAFT_CORRUPT', 'frame 3 of s1 is damaged')
    const snapshots = {
      read: async function* () {
        yield Buffer.from('x')
        throw damage
      },
    } as unknown as SnapshotStore
    const messages: string[] = []
    const retention = new SnapshotRetention({
      ...{ storage: { snapshots }, recovered: 's1', inProgress: () => [] },
      onFailed: (message) => messages.push(message),
      onDamaged: () => messages.push('the recorded file is damaged'),
    })
    const read = async (id: string): Promise<void> => {
      for await (const _ of retention.read(id, 0));
    }
    await assert.rejects(read('s1'), damage)
    const failure = 'a snapshot cannot be sent to a peer: frame 3 of s1 is damaged'
    assert.deepEqual(messages.splice(0), [failure, 'the recorded file is damaged'])
    await assert.rejects(read('an older one'), damage)
    assert.deepEqual(messages, [failure])
  })
})

async function openStorage(): Promise<MemoryStorage> {
  const storage = new MemoryStorage()
  await storage.open({ clusterId: 'c', nodeId: 'n1' })
  return storage
}

async function files(storage: MemoryStorage): Promise<string[]> {
  return [...(await storage.snapshots.list())].sort()
}

/** The number in the id is the index. */
function infoOf(id: string): SnapshotInfo {
  const membership = { members: [], voters: [], outgoing: [], learners: [] }
  return { id, index: Number(id.slice(1)) || 1, term: 1, chain: 9, size: 2, membership }
}

async function writeSnapshot(storage: MemoryStorage, id: string): Promise<void> {
  const writer = await storage.snapshots.create(infoOf(id))
  for (const text of ['x', 'y']) await writer.write(Buffer.from(text))
  await writer.finish()
}
