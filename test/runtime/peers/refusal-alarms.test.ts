/** Tests of the alarms about peers that refuse this node, and about those that it refuses. */
import assert from 'node:assert/strict'
import type { MemoryDisk } from '../../../src/memory/index.ts'
import type { TransportHostParts } from '../../../src/runtime/peers/transport-host.ts'
import { transportHost } from '../../../src/runtime/peers/transport-host.ts'
import { VirtualCluster } from '../virtual-cluster.ts'

describe('the alarm about a peer that refuses this node', () => {
  it('is raised by two emptied members that the third one refuses', async () => {
    const cluster = new VirtualCluster('n1 n2 n3')
    await cluster.startAll()
    const leader = await cluster.leader()
    const isBound = (node: string, ids: string[]) =>
      ids.every((id) =>
        cluster
          .node(node)
          .statusNow()
          .membership.members.some((member) => member.id === id && member.directoryId !== ''),
      )
    await cluster.runUntil(() => isBound('n3', ['n1', 'n2', 'n3']))
    await cluster.runUntilSettled(leader.propose('a'))
    for (const id of ['n1', 'n2', 'n3']) cluster.crash(id)
    for (const id of ['n1', 'n2']) {
      cluster.wipe(id)
      await cluster.start(id)
    }
    await cluster.runUntil(() => isBound('n1', ['n1', 'n2']) && isBound('n2', ['n1', 'n2']))
    await cluster.start('n3')
    const alarms = (id: string) =>
      cluster
        .node(id)
        .statusNow()
        .alarms.filter(({ code }) => code === 'PEER_REFUSED')
    await cluster.runUntil(() => alarms('n1').length > 0 && alarms('n2').length > 0)
    for (const id of ['n1', 'n2']) {
      const [alarm, ...more] = alarms(id)
      assert.deepEqual(more, [])
      assert.equal(alarm?.peer, 'n3')
      assert.match(alarm.message, /^no connection to n3: n[12] came with another disk/)
    }
    await cluster.close()
  })

  it('names the member whose directory is refused, until it comes with its own or is removed', async () => {
    const cluster = new VirtualCluster('n1 n2 n3')
    await cluster.startAll()
    const leader = await cluster.leader()
    await cluster.runUntil(() => leader.statusNow().membership.members.every(({ directoryId }) => directoryId !== ''))
    const [victim = leader] = cluster.followers(leader)
    const disk = cluster.disks.get(victim.id) as MemoryDisk
    const alarms = () => leader.statusNow().alarms.filter(({ code }) => code === 'DIRECTORY_REFUSED')
    const startRefused = async () => {
      cluster.crash(victim.id)
      cluster.wipe(victim.id)
      await cluster.start(victim.id)
      await cluster.runUntil(() => alarms().length > 0)
    }
    await startRefused()
    const [alarm] = alarms()
    assert.equal(alarm?.peer, victim.id)
    assert.match(alarm.message, new RegExp(`^${victim.id} came with another disk`))
    await cluster.runUntilSettled(cluster.node(victim.id).failed)
    await cluster.advance(120_000)
    assert.equal(alarms().length, 1, 'it has stopped, and will not try again')
    cluster.crash(victim.id)
    cluster.disks.set(victim.id, disk)
    await cluster.start(victim.id)
    await cluster.runUntil(() => alarms().length === 0)
    await startRefused()
    await cluster.runUntilSettled(leader.changeMembership({ remove: [victim.id] }))
    await cluster.runUntil(() => alarms().length === 0)
    await cluster.close()
  })

  for (const { code, isConnected, isRaised } of [
    { code: 'ERR_RAFT_NODE_MISMATCH', isConnected: false, isRaised: true },
    { code: 'ERR_RAFT_NODE_MISMATCH', isConnected: true, isRaised: false },
    { code: 'ERR_RAFT_UNAUTHENTICATED', isConnected: true, isRaised: true },
  ])
    it(`is ${isRaised ? 'raised' : 'not raised'} for ${code} if the peer is ${isConnected ? '' : 'not '}connected`, () => {
      const refused: string[] = []
      const host = transportHost({
        admission: { connected: isConnected ? ['n2'] : [], refusedBy: () => undefined },
        refusals: { onRefused: (peer: string) => refused.push(peer) },
        emit: () => undefined,
      } as unknown as TransportHostParts)
      host.refusedBy('n2', { code, message: 'no' })
      assert.deepEqual(refused, isRaised ? ['n2'] : [])
    })
})
