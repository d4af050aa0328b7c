import assert from 'node:assert/strict'
import type { NodeId } from '../../../src/core/types.ts'
import type { MemoryDisk } from '../../../src/memory/memory-disk.ts'
import { MemoryStorage } from '../../../src/memory/memory-storage.ts'
import type { JournalNode } from '../virtual-cluster.ts'
import { VirtualCluster } from '../virtual-cluster.ts'

describe('a preferred leader', () => {
  let cluster: VirtualCluster

  async function start(priorities: Readonly<Record<NodeId, number>>): Promise<void> {
    cluster = new VirtualCluster(Object.keys(priorities).join(' '))
    for (const [id, leaderPriority] of Object.entries(priorities)) await cluster.start(id, { leaderPriority })
  }

  afterEach(() => cluster.close())

  const leads = (id: NodeId) => cluster.runUntil(() => cluster.nodes.get(id)?.statusNow().role === 'leader')
  const transfers = (): number =>
    [...cluster.nodes.keys()].flatMap((id) => cluster.eventsOf(id, 'transferStarted')).length

  for (const preferred of ['a', 'b', 'c'])
    it(`is the voter with the highest priority, after any election (${preferred})`, async () => {
      await start({ a: 1, b: 1, c: 1, [preferred]: 2 })
      await leads(preferred)
      const count = transfers()
      await cluster.advance(60_000)
      assert.equal(cluster.node(preferred).statusNow().role, 'leader')
      assert.equal(transfers(), count)
      assert.ok(count <= 1)
    })

  it('is the one that was elected if there are no priorities', async () => {
    await start({ a: 0, b: 0, c: 0 })
    const leader = await cluster.leader()
    await cluster.advance(60_000)
    assert.equal(leader.statusNow().role, 'leader')
    assert.equal(transfers(), 0)
  })

  it('is followed by another one when it is down, and gets the leadership back once it has stored everything for a while', async () => {
    await start({ a: 9, b: 0, c: 0 })
    await leads('a')
    cluster.crash('a')
    const other = await cluster.leader()
    await cluster.runUntilSettled(other.propose('while it was down'))
    await cluster.start('a', { leaderPriority: 9 })
    await cluster.advance(8000)
    assert.equal(other.statusNow().role, 'leader')
    await leads('a')
    assert.deepEqual(cluster.entries('a'), ['while it was down'])
  })

  it('does not get the leadership while it is cut off, and disturbs seldom if it cannot keep it', async () => {
    await start({ a: 9, b: 0, c: 0 })
    await leads('a')
    let handedOver = 0
    for (let minute = 0; minute < 10; minute++) {
      cluster.isolate('a')
      const other: JournalNode = await cluster.leader(cluster.node('a'))
      const before = transfers()
      await cluster.advance(15_000)
      assert.equal(transfers(), before)
      assert.equal(other.statusNow().role, 'leader')
      cluster.rejoin('a')
      await cluster.advance(45_000)
      handedOver += transfers() - before
    }
    assert.ok(handedOver >= 1 && handedOver <= 8, `${handedOver} transfers`)
  }).timeout(60_000)

  it('gets no leadership that it cannot take: the transfer fails, and the leader stays', async () => {
    await start({ a: 9, b: 0, c: 0 })
    await leads('a')
    cluster.crash('a')
    const other = await cluster.leader()
    class FullDisk extends MemoryStorage {
      override async freeBytes(): Promise<number> {
        return 0
      }
    }
    const storage = new FullDisk({ disk: cluster.disks.get('a') as MemoryDisk })
    await cluster.start('a', { leaderPriority: 9, storage, freeBytesMin: 100, freeBytesCheckMs: 100 })
    await cluster.advance(30_000)
    assert.equal(other.statusNow().role, 'leader')
  })
})
