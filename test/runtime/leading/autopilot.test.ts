import assert from 'node:assert/strict'
import type { NodeId } from '../../../src/core/types.ts'
import { findReplacement } from '../../../src/runtime/leading/autopilot.ts'
import type { JournalNode, JournalOptions } from '../virtual-cluster.ts'
import { VirtualCluster } from '../virtual-cluster.ts'

const OPTIONS: JournalOptions = { autopilotDeadMs: 20_000 }

describe('the autopilot', () => {
  let cluster: VirtualCluster

  async function start(options = OPTIONS): Promise<JournalNode> {
    cluster = new VirtualCluster('a b c', options)
    await cluster.startAll()
    return cluster.leader()
  }

  async function add(leader: JournalNode, id: NodeId, promote: boolean): Promise<void> {
    cluster.peers[id] = `memory:${id}`
    await cluster.runUntilSettled(leader.changeMembership({ add: [{ id, address: `memory:${id}`, promote }] }))
    await cluster.start(id, { join: true, peers: undefined, cluster: leader.statusNow().clusterId })
    await cluster.runUntil(() => leader.statusNow().peers.some((peer) => peer.id === id && peer.isReplicating))
    if (promote) await cluster.runUntil(() => leader.statusNow().membership.voters.includes(id))
  }

  const voters = async (): Promise<readonly NodeId[]> =>
    [...(await cluster.leader()).statusNow().membership.voters].sort()
  const crashFollower = (leader: JournalNode): NodeId => {
    const [dead] = cluster.followers(leader).filter(({ id }) => 'abc'.includes(id)) as [JournalNode]
    cluster.crash(dead.id)
    return dead.id
  }

  afterEach(() => cluster.close())

  it('removes a dead voter once another one has been added for it', async () => {
    const leader = await start()
    await add(leader, 'd', true)
    const dead = crashFollower(leader)
    await cluster.advance(15_000)
    assert.equal((await voters()).length, 4)
    await cluster.runUntil(() => cluster.eventsOf(leader.id, 'deadMemberRemoved').length > 0)
    assert.ok(!leader.statusNow().membership.voters.includes(dead))
    assert.deepEqual(cluster.eventsOf(leader.id, 'deadMemberRemoved'), [
      { type: 'deadMemberRemoved', peer: dead, replacedBy: undefined },
    ])
    await cluster.advance(60_000)
    assert.equal((await voters()).length, 3)
  })

  it('exchanges a dead voter for a learner that is ready, in one change', async () => {
    const leader = await start()
    await add(leader, 'd', false)
    const dead = crashFollower(leader)
    await cluster.runUntil(() => leader.statusNow().membership.voters.includes('d'))
    await cluster.advance(5000)
    const { membership } = leader.statusNow()
    assert.deepEqual(
      [...membership.voters].sort(),
      ['a', 'b', 'c', 'd'].filter((id) => id !== dead),
    )
    assert.deepEqual(membership.members.map(({ id }) => id).sort(), [...membership.voters].sort())
    await cluster.runUntilSettled(leader.propose('x'))
  })

  it('keeps a dead voter without a replacement, a second dead one below the minimum, and a learner', async () => {
    const leader = await start()
    crashFollower(leader)
    await cluster.advance(120_000)
    assert.deepEqual(await voters(), ['a', 'b', 'c'])
    await add(leader, 'd', false)
    cluster.crash('d')
    await cluster.advance(120_000)
    const { membership } = (await cluster.leader()).statusNow()
    assert.deepEqual([[...membership.voters].sort(), membership.learners], [['a', 'b', 'c'], ['d']])
  }).timeout(60_000)

  it('waits for a voter that is only away for a while, and counts from the last response', async () => {
    const leader = await start()
    await add(leader, 'd', true)
    for (let round = 0; round < 3; round++) {
      const dead = crashFollower(leader)
      await cluster.advance(15_000)
      await cluster.start(dead)
      await cluster.advance(5000)
    }
    assert.equal((await voters()).length, 4)
  }).timeout(60_000)

  it('is off by default', async () => {
    const leader = await start({})
    await add(leader, 'd', true)
    crashFollower(leader)
    await cluster.advance(120_000)
    assert.equal((await voters()).length, 4)
  })

  it('does nothing while the membership is changing', () => {
    const membership = { members: [], voters: ['a', 'b', 'c', 'd'], outgoing: [], learners: [] }
    const peer = { id: 'd', silentMs: undefined } as never
    const options = { autopilotDeadMs: 1000, autopilotVotersMin: 3 }
    const status = { membership, isMembershipCommitted: true, peers: [peer] }
    assert.deepEqual(findReplacement(status, 1000, options), { dead: 'd', by: undefined })
    assert.equal(findReplacement(status, 999, options), undefined)
    assert.equal(findReplacement({ ...status, isMembershipCommitted: false }, 1000, options), undefined)
    const joint = { ...membership, outgoing: ['a'] }
    assert.equal(findReplacement({ ...status, membership: joint }, 1000, options), undefined)
  })
})
