import assert from 'node:assert/strict'
import type { Applied } from '../../src/contracts/node-service.ts'
import type { SessionCommand } from '../../src/contracts/session.ts'
import { isRaftError } from '../../src/errors.ts'
import type { JournalNode, JournalOptions } from './virtual-cluster.ts'
import { Journal, VirtualCluster } from './virtual-cluster.ts'

/** A journal with a digest. */
class DigestingJournal extends Journal {
  digest(): string {
    return `v7:${this.entries.join()}`
  }
}

describe('client sessions', () => {
  let cluster: VirtualCluster

  async function start(ids = 'a b c', options: JournalOptions = {}): Promise<JournalNode> {
    cluster = new VirtualCluster(ids, options)
    await cluster.startAll()
    return cluster.leader()
  }

  afterEach(() => cluster.close())

  const register = async (node: JournalNode): Promise<number> =>
    (await cluster.runUntilSettled(node.registerSession())).id
  const propose = (node: JournalNode, command: string, session: SessionCommand): Promise<number> =>
    cluster.runUntilSettled(node.propose(command, { session }))

  async function everywhere(...entries: readonly string[]): Promise<void> {
    await cluster.advance(1000)
    for (const id of cluster.nodes.keys()) assert.deepEqual(cluster.entries(id), entries, id)
  }

  it('apply a repeated command once, and answer with the first result and its index', async () => {
    const leader = await start()
    const id = await register(leader)
    const two = (): Promise<Applied> => {
      const session = { id, sequence: 2, lowest: 1 }
      return cluster.runUntilSettled(leader.proposeBytes(Buffer.from('"two"'), { session }))
    }
    assert.equal(await propose(leader, 'one', { id, sequence: 1 }), 1)
    const first = await two()
    assert.equal(await propose(leader, 'one', { id, sequence: 1 }), 1)
    assert.deepEqual(await two(), first)
    assert.deepEqual(Buffer.from(first.result), Buffer.from('2'))
    await everywhere('one', 'two')
  })

  it('are registered once there is a leader, or not at all without waiting for one', async () => {
    cluster = new VirtualCluster('a b c')
    const [a] = await Promise.all(['a', 'b', 'c'].map((id) => cluster.start(id)))
    const registered = (a as JournalNode).registerSession()
    const impatient = (a as JournalNode).registerSession({ awaitLeader: false })
    await assert.rejects(cluster.runUntilSettled(impatient), { code: 'ERR_RAFT_NO_LEADER' })
    assert.equal((a as JournalNode).statusNow().leader, undefined)
    assert.ok((await cluster.runUntilSettled(registered)).id > 0)
  })

  it('apply a command once that is proposed many times at once', async () => {
    const leader = await start()
    const id = await register(leader)
    const all = Array.from({ length: 20 }, (_, call) =>
      leader.propose(`c${call % 4}`, { session: { id, sequence: (call % 4) + 1, lowest: 1 } }),
    )
    assert.deepEqual(
      await cluster.runUntilSettled(Promise.all(all)),
      [1, 2, 3, 4].concat(...Array(4).fill([1, 2, 3, 4])),
    )
    await everywhere('c0', 'c1', 'c2', 'c3')
  })

  it('mix with commands without a session in one block', async () => {
    const leader = await start()
    const id = await register(leader)
    const results = [
      leader.propose('plain'),
      leader.propose('one', { session: { id, sequence: 1 } }),
      leader.propose('plain too'),
    ]
    assert.deepEqual(await cluster.runUntilSettled(Promise.all(results)), [1, 2, 3])
    await everywhere('plain', 'one', 'plain too')
  })

  it('survive the change of the leader', async () => {
    const first = await start()
    const id = await register(first)
    await propose(first, 'one', { id, sequence: 1 })
    cluster.crash(first.id)
    const second = await cluster.leader(first)
    assert.equal(await propose(second, 'one', { id, sequence: 1 }), 1)
    assert.equal(await propose(second, 'two', { id, sequence: 2 }), 2)
    await everywhere('one', 'two')
  })

  it('resolve a command whose leader was cut off before it was committed', async () => {
    const first = await start()
    const id = await register(first)
    cluster.isolate(first.id)
    const lost = first.propose('one', { session: { id, sequence: 1 } })
    const second = await cluster.leader(first)
    assert.equal(await propose(second, 'one', { id, sequence: 1 }), 1)
    cluster.rejoin(first.id)
    await assert.rejects(cluster.runUntilSettled(lost))
    await everywhere('one')
  })

  it('survive a snapshot and a restart, also with a snapshot of the leader', async () => {
    const leader = await start('a b c', { trailingEntries: 0, laggardBytesMax: 0 })
    const id = await register(leader)
    const [behind, other] = cluster.followers(leader) as [JournalNode, JournalNode]
    cluster.isolate(behind.id)
    await propose(leader, 'one', { id, sequence: 1 })
    for (const node of [leader, other]) {
      await cluster.advance(1000)
      await cluster.runUntilSettled(node.takeSnapshot())
    }
    await cluster.advance(1000)
    cluster.rejoin(behind.id)
    await everywhere('one')
    assert.equal(cluster.eventsOf(behind.id, 'restored').length, 1)
    for (const node of [leader, behind, other]) cluster.crash(node.id)
    await cluster.startAll()
    await cluster.runUntilSettled(
      (await cluster.leader()).transferLeadership({ to: behind.id, force: true }).catch(() => 0),
    )
    const restored = await cluster.leader()
    assert.equal(await propose(restored, 'one', { id, sequence: 1 }), 1)
    await everywhere('one')
  })

  it('leave snapshots as they are while none is registered', async () => {
    const leader = await start('a')
    await cluster.runUntilSettled(leader.propose('one'))
    const { size } = await cluster.runUntilSettled(leader.takeSnapshot())
    assert.equal(size, 'one\n'.length)
  })

  it('expire with an error whose outcome is unknown, and repeat nothing', async () => {
    const leader = await start('a b c', { sessionTimeoutMs: 10_000 })
    const [id, other] = [await register(leader), await register(leader)]
    await propose(leader, 'one', { id, sequence: 1 })
    await cluster.advance(9_000)
    await propose(leader, 'two', { id: other, sequence: 1 })
    await cluster.advance(2_000)
    const late = cluster.runUntilSettled(leader.propose('one', { session: { id, sequence: 1 } }))
    await assert.rejects(late, (error) => isRaftError(error, 'ERR_RAFT_SESSION_EXPIRED') && error.outcome === 'unknown')
    assert.equal(await propose(leader, 'three', { id: other, sequence: 2 }), 3)
    await everywhere('one', 'two', 'three')
  })

  it('are of one cluster: another one, restored from a backup of this one, may have the same id', async () => {
    const leader = await start('a')
    const session = await cluster.runUntilSettled(leader.registerSession())
    assert.equal(session.clusterId, leader.statusNow().clusterId)
    assert.equal(await propose(leader, 'one', { ...session, sequence: 1 }), 1)
    const foreign = propose(leader, 'two', { ...session, clusterId: 'another', sequence: 2 })
    await assert.rejects(foreign, { code: 'ERR_RAFT_SESSION_EXPIRED', outcome: 'unknown' })
    await everywhere('one')
  })

  it('count log time across leaders, on nodes whose clocks began at different times', async () => {
    const first = await start('a b c', { sessionTimeoutMs: 60_000 })
    const [id, other] = [await register(first), await register(first)]
    await cluster.advance(40_000)
    cluster.crash(first.id)
    const second = await cluster.leader(first)
    await cluster.advance(30_000)
    await assert.rejects(propose(second, 'one', { id: other, sequence: 1 }), { code: 'ERR_RAFT_SESSION_EXPIRED' })
    await assert.rejects(propose(second, 'one', { id, sequence: 1 }), { code: 'ERR_RAFT_SESSION_EXPIRED' })
    assert.equal(await propose(second, 'one', { id: await register(second), sequence: 1 }), 1)
  })

  it('refuse what is below the lowest number, and what is too far above it', async () => {
    const leader = await start('a', { sessionCommandsMax: 10 })
    const id = await register(leader)
    await propose(leader, 'two', { id, sequence: 2 })
    await assert.rejects(propose(leader, 'one', { id, sequence: 1 }), { code: 'ERR_RAFT_OUTCOME_UNKNOWN' })
    const tooFar = propose(leader, 'far', { id, sequence: 12, lowest: 2 })
    await assert.rejects(tooFar, { code: 'ERR_RAFT_OVERLOADED', outcome: 'not-applied' })
    await everywhere('two')
  })

  it('answer as applied if the result was dropped', async () => {
    const leader = await start('a', { sessionResultBytesMax: 1 })
    const id = await register(leader)
    for (const sequence of [1, 2]) await propose(leader, `c${sequence}`, { id, sequence, lowest: 1 })
    const repeated = propose(leader, 'c1', { id, sequence: 1 })
    await assert.rejects(repeated, { code: 'ERR_RAFT_RESULT_DROPPED', outcome: 'applied' })
    await everywhere('c1', 'c2')
  })

  for (const session of [
    { id: 0, sequence: 1 },
    { id: 1, sequence: 0 },
    { id: 1, sequence: 1.5 },
    { id: 1, sequence: 2, lowest: 3 },
  ])
    it(`refuse ${JSON.stringify(session)} before it is in the log`, async () => {
      const leader = await start('a')
      const { lastIndex } = leader.statusNow()
      await assert.rejects(propose(leader, 'one', session), { code: 'ERR_RAFT_BAD_MESSAGE', outcome: 'not-applied' })
      assert.equal(leader.statusNow().lastIndex, lastIndex)
    })

  it('are part of the digests', async () => {
    cluster = new VirtualCluster('a b c', { digestEntries: 4 })
    for (const node of ['a', 'b', 'c']) await cluster.start(node, { stateMachine: new DigestingJournal() })
    const leader = await cluster.leader()
    const id = await register(leader)
    for (let sequence = 1; sequence < 20; sequence++) await propose(leader, 'one', { id, sequence })
    await cluster.advance(1000)
    for (const node of cluster.nodes.values()) {
      assert.deepEqual(node.statusNow().alarms, [])
      assert.equal(node.statusNow().stopped, undefined)
    }
  })
})
