import assert from 'node:assert/strict'
import { RaftClient } from '../../src/client/raft-client.ts'
import { memoryChannelFactory } from '../../src/memory/memory-channel.ts'
import type { JournalNode } from './virtual-cluster.ts'
import { VirtualCluster } from './virtual-cluster.ts'

describe('a proposal that expects a term', () => {
  let cluster: VirtualCluster
  let leader: JournalNode

  beforeEach(async () => {
    cluster = new VirtualCluster('n1 n2 n3')
    await cluster.startAll()
    leader = await cluster.leader()
  })

  afterEach(() => cluster.close())

  const termOf = (node: JournalNode): number => node.statusNow().term

  it('is applied in that term', async () => {
    const expectTerm = termOf(leader)
    const [one, two, three] = await cluster.runUntilSettled(
      Promise.all([
        leader.proposeWithIndex('a', { expectTerm }),
        leader.proposeWithIndex('b'),
        leader.proposeWithIndex('c', { expectTerm }),
      ]),
    )
    assert.deepEqual([one.term, two.term, three.term], [expectTerm, expectTerm, expectTerm])
    assert.deepEqual(cluster.entries(leader.id), ['a', 'b', 'c'])
  })

  it('is rejected at once by a leader of a later term, and the others in its turn are not', async () => {
    const expectTerm = termOf(leader)
    cluster.isolate(leader.id)
    const next = await cluster.leader(leader)
    const [fenced, free] = await cluster.runUntilSettled(
      Promise.allSettled([next.propose('fenced', { expectTerm }), next.propose('free')]),
    )
    assert.equal(free.status, 'fulfilled')
    assert.equal(fenced.status, 'rejected')
    const { code, outcome, retryable, details } = fenced.reason
    assert.deepEqual(
      [code, outcome, retryable, details],
      ['ERR_RAFT_OTHER_TERM', 'not-applied', false, { term: termOf(next) }],
    )
    assert.deepEqual(cluster.entries(next.id), ['free'])
  })

  it('of an old leader is never applied after a write of the new one', async () => {
    const old = leader
    const work = old.whileLeader(async (term, signal) => {
      for (let number = 1; !signal.aborted; number++) {
        await old.propose(`old${number}`, { expectTerm: term })
        await new Promise((resolve) => cluster.time.after(20_000, () => resolve(undefined)))
      }
    })
    await cluster.advance(200)
    cluster.isolate(old.id)
    const next = await cluster.leader(old)
    await cluster.runUntilSettled(next.propose('new'))
    cluster.rejoin(old.id)
    await cluster.advance(3000)
    await cluster.runUntilSettled(work.stop())
    const entries = cluster.entries(next.id)
    assert.ok(entries.includes('old1'))
    assert.equal(entries.at(-1), 'new', entries.join())
  })

  it('of a term that this node has not heard of waits for its leader', async () => {
    const early = leader.propose('early', { expectTerm: termOf(leader) + 1, timeoutMs: 300 })
    await assert.rejects(cluster.runUntilSettled(early), { code: 'ERR_RAFT_NO_LEADER' })
  })

  it('reaches the leader through a client, in a session or not', async () => {
    const clock = cluster.clocks.get(leader.id)
    for (const sessions of [true, false]) {
      const client = new RaftClient<string, number>({
        endpoints: Object.values(cluster.peers),
        channel: memoryChannelFactory((address) => cluster.node(address.replace('memory:', '')), { clock }),
        ...{ clock, sessions },
      })
      const expectTerm = termOf(leader)
      await cluster.runUntilSettled(client.propose('a', { expectTerm }))
      await assert.rejects(cluster.runUntilSettled(client.propose('b', { expectTerm: expectTerm - 1 || 7 })), {
        outcome: 'not-applied',
      })
      await client.close()
    }
    assert.deepEqual(cluster.entries(leader.id), ['a', 'a'])
  })

  it('rejects what is no term', async () => {
    for (const expectTerm of [0, -1, 1.5, Number.NaN])
      await assert.rejects(leader.propose('a', { expectTerm }), {
        code: 'ERR_RAFT_OPTIONS',
        message: /^expectTerm must be/,
      })
  })
})
