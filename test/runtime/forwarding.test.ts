import assert from 'node:assert/strict'
import type { ProposeOptions } from '../../src/contracts/node-service.ts'
import { isRaftError } from '../../src/errors.ts'
import type { JournalNode } from './virtual-cluster.ts'
import { VirtualCluster } from './virtual-cluster.ts'

describe('forwarded proposals', () => {
  let cluster: VirtualCluster
  let leader: JournalNode
  let follower: JournalNode

  beforeEach(async () => {
    cluster = new VirtualCluster('a b c')
    await cluster.startAll()
    leader = await cluster.leader()
    follower = [...cluster.nodes.values()].find(({ id }) => id !== leader.id) as JournalNode
    await cluster.advance(1000)
  })

  afterEach(() => cluster.close())

  it('a follower answers with the result of its own state machine', async () => {
    assert.equal(await cluster.runUntilSettled(follower.propose('one')), 1)
    assert.deepEqual(cluster.entries(follower.id), ['one'])
  })

  it('many of one turn keep their order', async () => {
    const results = ['one', 'two', 'three'].map((command) => follower.propose(command))
    assert.deepEqual(await cluster.runUntilSettled(Promise.all(results)), [1, 2, 3])
  })

  it('waits for the next leader while the leader it knows is not connected', async () => {
    cluster.isolate(leader.id)
    assert.equal(await cluster.runUntilSettled(follower.propose('one')), 1)
  })

  it('wait for a leader, or are rejected at once, as the caller asks', async () => {
    for (const { id } of cluster.nodes.values()) if (id !== follower.id) cluster.isolate(id)
    await cluster.runUntil(() => follower.statusNow().leader === undefined)
    const isWithoutLeader = (error: unknown): boolean => isRaftError(error, 'ERR_RAFT_NO_LEADER')
    const impatient = { timeoutMs: 60_000, awaitLeader: false }
    await assert.rejects(cluster.runUntilSettled(follower.propose('no', impatient)), isWithoutLeader)
    await assert.rejects(cluster.runUntilSettled(follower.read(() => 1, impatient)), isWithoutLeader)
    await assert.rejects(cluster.runUntilSettled(follower.proposeBytes(Buffer.from('"no"'))), isWithoutLeader)
    const patient = { timeoutMs: 60_000, awaitLeader: true }
    const calls = Promise.all([
      follower.proposeBytes(Buffer.from('"one"'), patient),
      follower.propose('two'),
      follower.read(() => 1),
    ])
    for (const { id } of cluster.nodes.values()) cluster.rejoin(id)
    const [one, two] = await cluster.runUntilSettled(calls)
    assert.deepEqual([Buffer.from(one.result).toString(), two], ['1', 2])
  })

  it('without a session, the outcome is unknown when the leader is lost after the message has left', async () => {
    const call = cluster.runUntilSettled(proposeAndLoseLeader())
    await assert.rejects(call, (error) => isRaftError(error, 'ERR_RAFT_OUTCOME_UNKNOWN'))
  })

  it('with a session, the command is applied once by the next leader', async () => {
    const { id } = await cluster.runUntilSettled(follower.registerSession())
    assert.equal(await cluster.runUntilSettled(proposeAndLoseLeader({ session: { id, sequence: 1 } })), 1)
    await cluster.advance(1000)
    assert.deepEqual(cluster.entries(follower.id), ['one'])
  })

  it('a call names the leader instead if it must not be forwarded', async () => {
    const call = cluster.runUntilSettled(follower.propose('one', { forward: false }))
    await assert.rejects(call, (error) => isRaftError(error, 'ERR_RAFT_NOT_LEADER') && error.leader?.id === leader.id)
  })

  it('a call that is not forwarded keeps its place among others of the same turn', async () => {
    const calls = [true, false, true].map((forward) => leader.propose(String(forward), { forward }))
    assert.deepEqual(await cluster.runUntilSettled(Promise.all(calls)), [1, 2, 3])
  })

  it('a node with forward: false forwards only what says so', async () => {
    cluster.crash(follower.id)
    follower = await cluster.start(follower.id, { forward: false })
    await cluster.runUntil(() => follower.statusNow().leader)
    const call = cluster.runUntilSettled(follower.propose('one'))
    await assert.rejects(call, (error) => isRaftError(error, 'ERR_RAFT_NOT_LEADER'))
    assert.equal(await cluster.runUntilSettled(follower.propose('two', { forward: true })), 1)
  })

  it('the deadline of the caller counts on the follower: the outcome is then unknown', async () => {
    cluster.network.stall(addressOf(leader), addressOf(follower))
    const call = cluster.runUntilSettled(follower.propose('one', { timeoutMs: 20 }))
    await assert.rejects(call, (error) => isRaftError(error, 'ERR_RAFT_OUTCOME_UNKNOWN'))
  })

  it('more than may be forwarded at once waits, and is applied', async () => {
    cluster.crash(follower.id)
    const limits = { forwardedProposalsMax: 1, blockEntriesMax: 1 }
    follower = await cluster.start(follower.id, limits)
    await cluster.runUntil(() => follower.statusNow().leader)
    const results = ['one', 'two', 'three'].map((command) => follower.propose(command))
    assert.deepEqual((await cluster.runUntilSettled(Promise.all(results))).sort(), [1, 2, 3])
  })

  it('what must wait and cannot is rejected with the limit', async () => {
    cluster.crash(follower.id)
    follower = await cluster.start(follower.id, { forwardedProposalsMax: 1, blockEntriesMax: 1 })
    await cluster.runUntil(() => follower.statusNow().leader)
    cluster.network.stall(addressOf(leader), addressOf(follower))
    const calls = ['one', 'two'].map((command) => follower.propose(command, { timeoutMs: 100 }).catch((error) => error))
    const [one, two] = await cluster.runUntilSettled(Promise.all(calls))
    assert.deepEqual([one.code, two.code], ['ERR_RAFT_OUTCOME_UNKNOWN', 'ERR_RAFT_OVERLOADED'])
    assert.equal(two.details.limit, 'forwardedProposalsMax')
  })

  function proposeAndLoseLeader(options?: ProposeOptions): Promise<number> {
    cluster.network.stall(addressOf(leader), addressOf(follower))
    const call = follower.propose('one', options)
    cluster.time.after(1000, () => cluster.isolate(leader.id))
    return call
  }
})

function addressOf({ id }: JournalNode): string {
  return `memory:${id}`
}
