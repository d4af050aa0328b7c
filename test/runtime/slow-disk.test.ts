import assert from 'node:assert/strict'
import type { StorageWrite } from '../../src/contracts/storage.ts'
import type { NodeId } from '../../src/core/types.ts'
import { MemoryDisk } from '../../src/memory/memory-disk.ts'
import { MemoryStorage } from '../../src/memory/memory-storage.ts'
import type { JournalNode, JournalOptions } from './virtual-cluster.ts'
import { VirtualCluster } from './virtual-cluster.ts'

describe('a leader with a slow disk', function () {
  this.timeout(60_000)

  let cluster: VirtualCluster
  /** How long a durable write takes, in milliseconds; 1 for a node that is not in it. */
  let delays: Map<NodeId, number>
  let isLoaded: boolean

  beforeEach(() => {
    cluster = new VirtualCluster('n1 n2 n3')
    delays = new Map()
    isLoaded = true
  })

  afterEach(async () => {
    isLoaded = false
    delays.clear()
    await cluster.close()
  })

  /** Starts three nodes and writes to whichever leads, one command after the other. */
  async function start(options: JournalOptions = {}): Promise<JournalNode> {
    for (const id of ['n1', 'n2', 'n3']) {
      const disk = new MemoryDisk({ directoryId: `disk-of-${id}` })
      cluster.disks.set(id, disk)
      const storage = new (class extends MemoryStorage {
        override async write(write: StorageWrite): Promise<void> {
          if (write.isUrgent) await cluster.clocks.get(id)?.pass((delays.get(id) ?? 1) * 1000)
          return super.write(write)
        }
      })({ disk })
      await cluster.start(id, { ...options, storage })
    }
    const first = await cluster.leader()
    void load()
    return first
  }

  async function load(): Promise<void> {
    while (isLoaded) {
      const leader = [...cluster.nodes.values()].find((node) => node.statusNow().role === 'leader')
      await leader?.propose('a').catch(() => undefined)
      await new Promise<void>((resolve) => cluster.time.after(50_000, resolve))
    }
  }

  function transfers(): unknown[] {
    return ['n1', 'n2', 'n3'].flatMap((id) => cluster.eventsOf(id, 'transferStarted'))
  }

  function alarmsOf(node: JournalNode): string[] {
    return node.statusNow().alarms.map(({ code }) => code)
  }

  it('transfers leadership once, to the voter with the fastest disk, and says why', async () => {
    const slow = await start()
    const [medium, fast] = cluster.followers(slow) as [JournalNode, JournalNode]
    await cluster.advance(2000)
    delays.set(slow.id, 1000)
    delays.set(medium.id, 60)
    assert.equal(await cluster.leader(slow), fast)
    assert.deepEqual(transfers(), [{ type: 'transferStarted', to: fast.id, ownWriteMs: 1000, targetWriteMs: 0 }])
    await cluster.advance(60_000)
    assert.equal(fast.statusNow().role, 'leader')
    assert.equal(transfers().length, 1)
    assert.deepEqual(alarmsOf(slow), ['DISK_SLOW', 'TIMEOUT_UNSAFE'])
    delays.clear()
    await cluster.runUntil(() => alarmsOf(slow).length === 0)
  })

  it('transfers it while one write hangs', async () => {
    const slow = await start()
    await cluster.advance(2000)
    delays.set(slow.id, 20_000)
    await cluster.leader(slow)
    assert.equal(cluster.eventsOf(slow.id, 'transferStarted').length, 1)
    assert.equal(cluster.eventsOf(slow.id, 'storageStalled').length, 0)
  })

  it('keeps leading if the disks of all are slow, says so once, and hands over when one is fast again', async () => {
    const leader = await start()
    await cluster.advance(2000)
    for (const { id } of [leader, ...cluster.followers(leader)]) delays.set(id, 500)
    await cluster.advance(30_000)
    assert.equal(leader.statusNow().role, 'leader')
    assert.deepEqual(transfers(), [])
    const kept = cluster.eventsOf(leader.id, 'leadershipKept').map(({ reason }) => reason)
    assert.equal(kept.length, 1)
    assert.match(
      kept[0] ?? '',
      /no voter that can lead has a disk 8 times as fast \(a durable write takes 500 ms on n\d; n\d 500 ms, n\d 500 ms\)/,
    )
    const [fast] = cluster.followers(leader) as [JournalNode]
    delays.delete(fast.id)
    assert.equal(await cluster.leader(leader), fast)
  })

  it('waits longer before each next transfer', async () => {
    const slow = await start()
    const startedAtMs: number[] = []
    for (let round = 0; round < 4; round++) {
      delays.set(slow.id, 1000)
      await cluster.runUntil(() => cluster.eventsOf(slow.id, 'transferStarted').length > round, 600_000)
      startedAtMs.push(cluster.time.nowUs / 1000)
      const other = await cluster.leader(slow)
      delays.clear()
      await cluster.advance(8000)
      await cluster.runUntilSettled(other.transferLeadership({ to: slow.id }))
    }
    const waits = startedAtMs.slice(1).map((at, round) => Math.floor((at - (startedAtMs[round] as number)) / 1000))
    assert.deepEqual(waits, [30, 60, 120])
  })

  it('gets leadership from an operator only by force', async () => {
    const slow = await start()
    await cluster.advance(2000)
    delays.set(slow.id, 300)
    const fast = await cluster.leader(slow)
    await cluster.advance(5000)
    await assert.rejects(cluster.runUntilSettled(fast.transferLeadership({ to: slow.id })), {
      code: 'ERR_RAFT_BAD_TARGET',
      message: `the leadership transfer was rejected: ${slow.id} has a slow disk (300 ms per durable write)`,
      details: { peer: slow.id, applyLag: 0, writeMs: 300 },
    })
    await cluster.runUntilSettled(fast.transferLeadership({ to: slow.id, force: true }))
    assert.equal(slow.statusNow().role, 'leader')
  })

  it('keeps leading if single writes are slow, or if its event loop pauses during writes', async () => {
    const leader = await start()
    const clock = cluster.clocks.get(leader.id)
    for (let round = 0; round < 20; round++) {
      delays.set(leader.id, round % 4 === 0 ? 1500 : 1)
      await cluster.advance(300)
      delays.clear()
      await cluster.advance(200)
      clock?.pause()
      await cluster.advance(600)
      clock?.resume()
      await cluster.advance(500)
    }
    assert.equal(leader.statusNow().role, 'leader')
    assert.deepEqual(cluster.eventsOf(leader.id, 'alarmRaised'), [])
    assert.deepEqual(transfers(), [])
  })

  it('keeps leading with slowDiskMs: 0', async () => {
    const leader = await start({ slowDiskMs: 0 })
    await cluster.advance(2000)
    delays.set(leader.id, 1000)
    await cluster.advance(30_000)
    assert.equal(leader.statusNow().role, 'leader')
    assert.deepEqual(transfers(), [])
  })
})
