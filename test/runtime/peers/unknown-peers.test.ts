import assert from 'node:assert/strict'
import type { JournalNode } from '../virtual-cluster.ts'
import { VirtualCluster } from '../virtual-cluster.ts'

const COMMAND = /quorate member add n4 memory:n4/

describe('a node that was not added', () => {
  let cluster: VirtualCluster
  let leader: JournalNode

  beforeEach(async () => {
    cluster = new VirtualCluster('n1 n2 n3')
    await cluster.startAll()
    leader = await cluster.leader()
  })

  afterEach(() => cluster.close())

  const join = () => cluster.start('n4', { join: true, cluster: leader.statusNow().clusterId })
  const add = () =>
    cluster.runUntilSettled(leader.changeMembership({ add: [{ id: 'n4', address: 'memory:n4', promote: true }] }))

  it('has an alarm with the command to run, until it is added', async () => {
    const joiner = await join()
    const [alarm] = await cluster.runUntil(() => joiner.statusNow().alarms.length > 0 && joiner.statusNow().alarms)
    assert.equal(alarm?.code, 'ERR_RAFT_UNKNOWN_PEER')
    assert.match(alarm?.message ?? '', COMMAND)
    await add()
    await cluster.runUntil(() => joiner.statusNow().alarms.length === 0)
    assert.equal(cluster.eventsOf('n4', 'alarmCleared').length, 1)
  })

  it('is reported by each member, once per minute', async () => {
    await join()
    for (const id of ['n1', 'n2', 'n3']) await cluster.runUntil(() => cluster.eventsOf(id, 'unknownPeer').length > 0)
    const [event] = cluster.eventsOf('n1', 'unknownPeer')
    assert.equal(event?.code, 'ERR_RAFT_UNKNOWN_PEER')
    assert.match(event?.message ?? '', /n4 at memory:n4 asks to join; it is not a member/)
    assert.match(event?.message ?? '', COMMAND)
    await runFor(130_000)
    assert.equal(cluster.eventsOf('n1', 'unknownPeer').length, 3)
  })

  it('is not reported if it is added at once', async () => {
    const joiner = await join()
    await add()
    await runFor(130_000)
    assert.deepEqual(cluster.eventsOf('n4', 'alarmRaised'), [])
    assert.deepEqual(cluster.eventsOf(leader.id, 'unknownPeer'), [])
    assert.ok(joiner.statusNow().membership.voters.includes('n4'))
  })

  async function runFor(ms: number): Promise<void> {
    const endUs = cluster.time.nowUs + ms * 1000
    await cluster.runUntil(() => cluster.time.nowUs >= endUs, ms + 1000)
  }
})
