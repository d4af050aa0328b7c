import assert from 'node:assert/strict'
import type { NodeId } from '../../src/core/types.ts'
import { MemoryDisk } from '../../src/memory/memory-disk.ts'
import { MemoryStorage } from '../../src/memory/memory-storage.ts'
import type { JournalNode } from './virtual-cluster.ts'
import { VirtualCluster } from './virtual-cluster.ts'

const NEEDED = { freeBytesMin: 100, freeBytesCheckMs: 100 }

describe('a node short of disk space', () => {
  let cluster: VirtualCluster
  let freeBytes: Map<NodeId, number>

  /** Three nodes, of which those in `freeBytes` report that free space, and the others 1,000 bytes. */
  beforeEach(async () => {
    freeBytes = new Map()
    cluster = new VirtualCluster('n1 n2 n3')
    for (const id of ['n1', 'n2', 'n3']) {
      const disk = new MemoryDisk({ directoryId: `disk-of-${id}` })
      cluster.disks.set(id, disk)
      const storage = new (class extends MemoryStorage {
        override async freeBytes(): Promise<number> {
          return freeBytes.get(id) ?? 1000
        }
      })({ disk })
      await cluster.start(id, { ...NEEDED, storage })
    }
  })

  afterEach(async () => {
    await cluster.close()
  })

  /** Waits until each of these nodes has noticed that it is short. */
  async function shorten(...nodes: readonly JournalNode[]): Promise<void> {
    for (const { id } of nodes) freeBytes.set(id, 50)
    await cluster.runUntil(() => nodes.every(({ id }) => cluster.eventsOf(id, 'spaceLow').length > 0))
  }

  it('names the leader to a client as long as it follows', async () => {
    const leader = await cluster.leader()
    const [follower] = cluster.followers(leader) as [JournalNode]
    await shorten(follower)
    const failed = cluster.runUntilSettled(follower.propose('a', { forward: false }))
    const hint = { id: leader.id, address: `memory:${leader.id}`, term: leader.statusNow().term }
    await assert.rejects(failed, { code: 'ERR_RAFT_NOT_LEADER', retryable: true, leader: hint })
  })

  it('transfers leadership, and names the new leader from then on', async () => {
    const leader = await cluster.leader()
    await shorten(leader)
    const during = cluster.runUntilSettled(leader.propose('a'))
    await assert.rejects(during, ({ code, retryable }) => code !== 'ERR_RAFT_NO_SPACE' && retryable)
    const next = await cluster.leader(leader)
    await cluster.runUntil(() => leader.statusNow().leader === next.id)
    const after = cluster.runUntilSettled(leader.propose('b', { forward: false }))
    await assert.rejects(after, { code: 'ERR_RAFT_NOT_LEADER', outcome: 'not-applied' })
    await cluster.runUntilSettled(next.propose('c'))
  })

  it('transfers it to the one voter that has space, and never to one that is short', async () => {
    const leader = await cluster.leader()
    const [short, healthy] = cluster.followers(leader) as [JournalNode, JournalNode]
    await shorten(short)
    await shorten(leader)
    assert.equal(await cluster.leader(leader), healthy)
    assert.deepEqual(
      cluster.eventsOf(leader.id, 'transferStarted').map(({ to }) => to),
      [healthy.id],
    )
  })

  it('keeps leading while all are short, says so once, and resumes without a restart', async () => {
    const leader = await cluster.leader()
    const { term } = leader.statusNow()
    await shorten(...cluster.followers(leader))
    await shorten(leader)
    const endUs = cluster.time.nowUs + 20_000_000
    await cluster.runUntil(() => cluster.time.nowUs >= endUs)
    assert.deepEqual([leader.statusNow().role, leader.statusNow().term], ['leader', term])
    const kept = cluster.eventsOf(leader.id, 'leadershipKept').map(({ reason }) => reason)
    assert.equal(kept.length, 1)
    assert.match(kept[0] ?? '', /is short of disk space \(50 bytes are free, 100 are required\)/)
    await assert.rejects(leader.propose('a'), {
      code: 'ERR_RAFT_NO_SPACE',
      retryable: false,
      details: { freeBytes: 50, neededBytes: 100 },
    })
    freeBytes.clear()
    await cluster.runUntil(() => cluster.eventsOf(leader.id, 'spaceBack').length === 1)
    assert.equal(await cluster.runUntilSettled(leader.propose('a')), 1)
  })

  it('hands over as soon as one voter has space again', async () => {
    const leader = await cluster.leader()
    const [back, short] = cluster.followers(leader) as [JournalNode, JournalNode]
    await shorten(back, short)
    await shorten(leader)
    await cluster.runUntil(() => cluster.eventsOf(leader.id, 'leadershipKept').length > 0)
    freeBytes.delete(back.id)
    assert.equal(await cluster.leader(leader), back)
  })

  it('gets leadership from an operator only by force, until its space is sufficient again', async () => {
    const short = await cluster.leader()
    await shorten(short)
    const healthy = await cluster.leader(short)
    await cluster.runUntilSettled(healthy.propose('a'))
    const refused = cluster.runUntilSettled(healthy.transferLeadership({ to: short.id }))
    await assert.rejects(refused, {
      code: 'ERR_RAFT_BAD_TARGET',
      message: `the leadership transfer was rejected: ${short.id} is short of disk space (50 bytes are free, 100 are required)`,
      details: { peer: short.id, applyLag: 0, freeBytes: 50, neededBytes: 100 },
    })
    await cluster.runUntilSettled(healthy.transferLeadership({ to: short.id, force: true }))
    assert.equal(short.statusNow().role, 'leader')
    await cluster.leader(short)
    freeBytes.clear()
    await cluster.runUntil(() => cluster.eventsOf(short.id, 'spaceBack').length === 1)
    const current = await cluster.leader()
    await cluster.runUntilSettled(current.propose('b'))
    await cluster.runUntilSettled(current.transferLeadership({ to: short.id }))
    assert.equal(short.statusNow().role, 'leader')
  })
})
