import assert from 'node:assert/strict'
import type { RaftError } from '../../src/errors.ts'
import { VirtualCluster } from './virtual-cluster.ts'

describe('a node that transfers leadership or closes', () => {
  let cluster: VirtualCluster

  afterEach(async () => {
    await cluster.close()
  })

  it('transfers leadership on request, and returns the new leader', async () => {
    cluster = new VirtualCluster('n1 n2 n3')
    await cluster.startAll()
    const leader = await cluster.leader()
    const to = cluster.followers(leader)[1]?.id
    assert.deepEqual(await cluster.runUntilSettled(leader.transferLeadership({ to })), { leader: to })
  })

  it('transfers leadership before it closes, so that the cluster does not wait for an election timeout', async () => {
    cluster = new VirtualCluster('n1 n2 n3')
    await cluster.startAll()
    const leader = await cluster.leader()
    await cluster.runUntilSettled(leader.propose('a'))
    const result = leader.propose('b')
    await cluster.runUntilSettled(Promise.all([leader.close(), result]))
    cluster.nodes.delete(leader.id)
    const startedAt = cluster.time.nowUs
    await cluster.leader()
    assert.ok(cluster.time.nowUs - startedAt < 100_000)
    await assert.rejects(leader.propose('c'), { code: 'ERR_RAFT_CLOSED', outcome: 'not-applied' })
  })

  it('settles its accepted proposals before it closes if there is no other voter', async () => {
    cluster = new VirtualCluster('n1')
    const node = await cluster.start('n1')
    await cluster.leader()
    const accepted = [node.propose('a'), node.propose('b')]
    const [results] = await cluster.runUntilSettled(Promise.all([Promise.all(accepted), node.close()]))
    assert.deepEqual(results, [1, 2])
  })

  it('settles every pending call when it closes', async () => {
    cluster = new VirtualCluster('n1 n2 n3', { checkQuorum: false })
    await cluster.startAll()
    const leader = await cluster.leader()
    cluster.isolate(leader.id)
    const accepted = leader.propose('a')
    await cluster.advance(10)
    const calls = [
      accepted,
      leader.read(() => 0),
      leader.until(() => false, { timeoutMs: 60_000 }),
      leader.changeMembership({ remove: ['n1'] }),
    ]
    const ends = Promise.allSettled(calls)
    await cluster.runUntilSettled(leader.close())
    const codes = (await ends).map((end) => (end.status === 'rejected' ? (end.reason as RaftError).code : 'none'))
    assert.equal(codes[0], 'ERR_RAFT_OUTCOME_UNKNOWN')
    assert.ok(
      codes.every((code) => code.startsWith('ERR_RAFT_')),
      codes.join(),
    )
    await leader.close()
  })
})
