import assert from 'node:assert/strict'
import type { RaftError } from '../../src/errors.ts'
import { MemoryStorage } from '../../src/memory/memory-storage.ts'
import { VirtualCluster } from './virtual-cluster.ts'

describe('a node that gives its leadership away, or closes', () => {
  let world: VirtualCluster

  afterEach(async () => {
    await world.close()
  })

  it('hands leadership over when asked, and names the new leader', async () => {
    world = new VirtualCluster('n1 n2 n3')
    await world.startAll()
    const leader = await world.leader()
    const to = world.followers(leader)[1]?.id
    assert.deepEqual(await world.runUntilSettled(leader.transferLeadership({ to })), { leader: to })
  })

  it('hands leadership over before it closes, so that nobody waits for an election timeout', async () => {
    world = new VirtualCluster('n1 n2 n3')
    await world.startAll()
    const leader = await world.leader()
    await world.runUntilSettled(leader.propose('a'))
    const result = leader.propose('b')
    await world.runUntilSettled(Promise.all([leader.close(), result]))
    world.nodes.delete(leader.id)
    const startedAt = world.time.nowUs
    await world.leader()
    assert.ok(world.time.nowUs - startedAt < 100_000)
    await assert.rejects(leader.propose('c'), { code: 'ERR_RAFT_CLOSED', outcome: 'not-applied' })
  })

  it('closes only when what it has accepted is settled, where there is nobody to hand over to', async () => {
    world = new VirtualCluster('n1')
    const node = await world.start('n1')
    await world.leader()
    const accepted = [node.propose('a'), node.propose('b')]
    const [results] = await world.runUntilSettled(Promise.all([Promise.all(accepted), node.close()]))
    assert.deepEqual(results, [1, 2])
  })

  it('leaves nobody waiting when it closes', async () => {
    world = new VirtualCluster('n1 n2 n3', { checkQuorum: false })
    await world.startAll()
    const leader = await world.leader()
    world.isolate(leader.id)
    const accepted = leader.propose('a')
    await world.advance(10)
    const calls = [
      accepted,
      leader.read(() => 0),
      leader.until(() => false, { timeoutMs: 60_000 }),
      leader.changeMembership({ remove: ['n1'] }),
    ]
    const ends = Promise.allSettled(calls)
    await world.runUntilSettled(leader.close())
    const codes = (await ends).map((end) => (end.status === 'rejected' ? (end.reason as RaftError).code : 'none'))
    assert.equal(codes[0], 'ERR_RAFT_OUTCOME_UNKNOWN')
    assert.ok(
      codes.every((code) => code.startsWith('ERR_RAFT_')),
      codes.join(),
    )
    await leader.close()
  })

  it('refuses writes while the disk is nearly full, gives leadership away, and goes on by itself', async () => {
    world = new VirtualCluster('n1 n2 n3')
    await world.startAll()
    const leader = await world.leader()
    await world.runUntilSettled(leader.close())
    let freeBytes = 1000
    const disk = world.disks.get(leader.id)
    const storage = new (class extends MemoryStorage {
      override async freeBytes(): Promise<number> {
        return freeBytes
      }
    })({ disk })
    const tight = await world.start(leader.id, { storage, freeBytesMin: 100, freeBytesCheckMs: 100 })
    const current = await world.leader(tight)
    await world.runUntilSettled(current.transferLeadership({ to: tight.id }))
    freeBytes = 50
    await world.leader(tight)
    await assert.rejects(tight.propose('a'), {
      code: 'ERR_RAFT_NO_SPACE',
      details: { freeBytes: 50, neededBytes: 100 },
    })
    const healthy = await world.leader(tight)
    await world.runUntilSettled(healthy.transferLeadership({ to: tight.id }))
    await world.leader(tight)
    freeBytes = 1000
    await world.runUntil(() => world.eventsOf(tight.id, 'spaceBack').length === 1)
    await assert.rejects(world.runUntilSettled(tight.propose('a')), { code: 'ERR_RAFT_NOT_LEADER' })
  })
})
