/** A crash of the simulated disk leaves every state that the storage contract allows, and no other. */
import assert from 'node:assert/strict'
import type { StorageWrite } from '../../src/contracts/storage.ts'
import type { SnapshotInfo } from '../../src/core/types.ts'
import { encodeNoop } from '../../src/log-format/block.ts'
import { SeededRandom } from '../../src/testing/simulation/seeded-random.ts'
import { SimulatedDisk } from '../../src/testing/simulation/simulated-disk.ts'
import { SimulatedStorage } from '../../src/testing/simulation/simulated-storage.ts'
import { NodeClock, VirtualTime } from '../../src/testing/simulation/virtual-clock.ts'

const SEEDS = 60
const MEMBERSHIP = { members: [], voters: [], outgoing: [], learners: [] }
const SNAPSHOT: SnapshotInfo = { id: 's', index: 1, term: 1, chain: 9, size: 4, membership: MEMBERSHIP }
const IGNORING_OBSERVER = { called: () => {}, durable: () => {} }

/** Runs a function on the storage of a new disk, then crashes the disk. */
async function afterCrash(
  seed: number,
  isHard: boolean,
  use: (storage: SimulatedStorage, disk: SimulatedDisk) => Promise<unknown>,
): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk('a', new SeededRandom(seed), IGNORING_OBSERVER)
  const time = new VirtualTime()
  const clock = new NodeClock(time, { startMs: 0, ratePerMille: 1000 })
  let isDone = false
  const all = use(new SimulatedStorage(disk, clock), disk).finally(() => {
    isDone = true
  })
  while (!isDone) {
    time.step(time.nowUs + 1000)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await all
  clock.stop()
  disk.crash(isHard)
  return disk
}

const lazy = (index: number): StorageWrite => ({
  blocks: [encodeNoop(index, index)],
  hardState: { term: index, votedFor: 'b', commitIndex: index - 1 },
  isUrgent: false,
})

describe('a crash of the simulated disk', () => {
  const writeThree = async (storage: SimulatedStorage): Promise<void> => {
    await storage.open({ clusterId: 'c', nodeId: 'a' })
    for (const index of [1, 2, 3]) await storage.write(lazy(index))
  }

  it('keeps a prefix of the unsynced writes and possibly a later hard state, in every combination', async () => {
    const cases = new Set<string>()
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { view } = (await afterCrash(seed, false, writeThree)).memory
      const { term, commitIndex } = view.hardState
      const last = view.log.last.index
      assert.ok(term >= last, 'the log has a later term than the hard state')
      assert.equal(commitIndex, Math.max(0, last - 1))
      cases.add(`${last} ${term}`)
    }
    assert.deepEqual([...cases].sort(), ['0 0', '0 1', '0 2', '0 3', '1 1', '1 2', '1 3', '2 2', '2 3', '3 3'])
  })

  it('keeps no unsynced write if it is hard', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const { view } = (await afterCrash(seed, true, writeThree)).memory
      assert.deepEqual([view.log.last.index, view.hardState.term], [0, 0])
    }
  })

  it('keeps a random prefix of an unfinished snapshot file, including its resumed part', async () => {
    const sizes = new Set<number>()
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { memory } = await afterCrash(seed, false, async (storage) => {
        await storage.open({ clusterId: 'c', nodeId: 'a' })
        const begun = await storage.snapshots.create(SNAPSHOT)
        await begun.write(Buffer.from('w'))
        await begun.suspend()
        const writer = await storage.snapshots.create(SNAPSHOT)
        for (const text of ['x', 'y']) await writer.write(Buffer.from(text))
      })
      const { chunks = [], size } = memory.partials.get('s') ?? {}
      assert.ok('wxy'.startsWith(Buffer.concat(chunks).toString()))
      assert.equal(memory.files.size, 0)
      sizes.add(size ?? -1)
    }
    assert.deepEqual([...sizes].sort(), [0, 1, 2, 3])
  })
})

describe('a failed or full simulated disk', () => {
  it('rejects snapshot writes after a failed sync', async () => {
    const codes: unknown[] = []
    await afterCrash(1, true, async (storage, disk) => {
      await storage.open({ clusterId: 'c', nodeId: 'a' })
      const writer = await storage.snapshots.create(SNAPSHOT)
      disk.failure = 'the sync failed'
      for (const call of [() => writer.write(Buffer.from('wxyz')), () => storage.snapshots.create(SNAPSHOT)])
        await call().catch((error) => codes.push(error.code))
      assert.ok(disk.hasRejected)
    })
    assert.deepEqual(codes, ['ERR_RAFT_STORAGE', 'ERR_RAFT_STORAGE'])
  })

  it('accepts what fits and rejects what does not', async () => {
    const codes: unknown[] = []
    await afterCrash(1, true, async (storage, disk) => {
      await storage.open({ clusterId: 'c', nodeId: 'a' })
      disk.freeBytes = encodeNoop(1, 1).size
      await storage.write({ ...lazy(1), isUrgent: true })
      await storage.write({ ...lazy(2), isUrgent: true }).catch((error) => codes.push(error.code))
      await storage.read(1, 1000).catch((error) => codes.push(error.code))
      assert.equal(disk.memory.view.log.last.index, 1)
    })
    assert.deepEqual(codes, ['ERR_RAFT_NO_SPACE', 'ERR_RAFT_NO_SPACE'])
  })
})
