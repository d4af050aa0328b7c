import assert from 'node:assert/strict'
import { RaftClient } from '../../src/client/raft-client.ts'
import { memoryChannelFactory } from '../../src/memory/memory-channel.ts'
import type { JournalNode } from './virtual-cluster.ts'
import { VirtualCluster } from './virtual-cluster.ts'

const PENDING_READS_MAX = 3

describe('a read with atLeast', () => {
  let cluster: VirtualCluster
  let leader: JournalNode
  let follower: JournalNode

  beforeEach(async () => {
    cluster = new VirtualCluster('n1 n2 n3', { readLagEntriesMax: 10, pendingReadsMax: PENDING_READS_MAX })
    await cluster.startAll()
    await cluster.leader()
    // The leader records the data directories of the members in the log first.
    await cluster.advance(3000)
    leader = await cluster.leader()
    follower = cluster.followers(leader)[0] as JournalNode
  })

  afterEach(() => cluster.close())

  const entriesOf = (node: JournalNode, atLeast: number, timeoutMs = 3000): Promise<readonly string[]> =>
    cluster.runUntilSettled(node.read(() => [...cluster.entries(node.id)], { atLeast, timeoutMs }))

  const write = (command: string) => cluster.runUntilSettled(leader.proposeWithIndex(command))

  it('waits on a follower until the own write is applied', async () => {
    for (const command of ['a', 'b', 'c']) {
      const { index, term, result } = await write(command)
      assert.deepEqual([result, term], [cluster.entries(leader.id).length, leader.statusNow().term])
      assert.equal(cluster.entries(follower.id).includes(command), false)
      assert.equal((await entriesOf(follower, index)).at(-1), command)
    }
  })

  it('is answered without a leader if the index is applied', async () => {
    const { index } = await write('a')
    await entriesOf(follower, index)
    cluster.isolate(follower.id)
    assert.deepEqual(await entriesOf(follower, index), ['a'])
  })

  it('rejects at its deadline with the applied and the wanted index', async () => {
    const { index } = await write('a')
    await entriesOf(follower, index)
    cluster.isolate(follower.id)
    await write('b')
    await assert.rejects(entriesOf(follower, index + 1), {
      code: 'ERR_RAFT_LAGGING',
      outcome: 'not-applied',
      retryable: true,
      details: { appliedIndex: index, wantedIndex: index + 1, lag: 1 },
      message: `${follower.id} has applied index ${index}, and the read wants ${index + 1}: 1 more; it timed out`,
    })
  })

  it('waits for a node that is reached again', async () => {
    cluster.isolate(follower.id)
    const { index } = await write('a')
    const reading = follower.read(() => cluster.entries(follower.id).length, { atLeast: index, timeoutMs: 30_000 })
    await cluster.advance(2000)
    cluster.rejoin(follower.id)
    assert.equal(await cluster.runUntilSettled(reading), 1)
  })

  it('rejects at once if more entries are missing than readLagEntriesMax', async () => {
    const { index } = await write('a')
    await entriesOf(follower, index)
    await assert.rejects(
      follower.read(() => 0, { atLeast: index + 11 }),
      { code: 'ERR_RAFT_LAGGING', message: /readLagEntriesMax is 10$/ },
    )
  })

  it('rejects at once on a leader whose log does not reach so far', async () => {
    const { index } = await write('a')
    await assert.rejects(
      leader.read(() => 0, { atLeast: index + 1 }),
      { code: 'ERR_RAFT_LAGGING', message: /its log ends at/ },
    )
  })

  it('rejects a query of a client at once while the node knows no leader', async () => {
    const { index } = await write('a')
    await entriesOf(follower, index)
    cluster.isolate(follower.id)
    await cluster.runUntil(() => follower.statusNow().leader === undefined)
    await assert.rejects(follower.queryBytes(Buffer.from('""'), { atLeast: index + 1 }), {
      code: 'ERR_RAFT_LAGGING',
      message: /it knows no leader$/,
    })
  })

  it('may be linearizable too', async () => {
    const { index } = await write('a')
    assert.equal(
      await cluster.runUntilSettled(
        follower.read(() => cluster.entries(follower.id).length, { atLeast: index, mode: 'linearizable' }),
      ),
      1,
    )
    await assert.rejects(
      cluster.runUntilSettled(follower.read(() => 0, { atLeast: index + 1, mode: 'linearizable', timeoutMs: 500 })),
      { code: 'ERR_RAFT_LAGGING' },
    )
  })

  it('limits the number of waiting reads', async () => {
    const { index } = await write('a')
    await entriesOf(follower, index)
    cluster.isolate(follower.id)
    const wait = (): Promise<number> => follower.read(() => 0, { atLeast: index + 1 })
    const waiting = Promise.allSettled(Array.from({ length: PENDING_READS_MAX }, wait))
    await assert.rejects(wait(), {
      code: 'ERR_RAFT_OVERLOADED',
      details: { limit: 'pendingReadsMax', value: 4, max: 3 },
    })
    for (const outcome of await cluster.runUntilSettled(waiting)) assert.equal(outcome.status, 'rejected')
    await assert.rejects(cluster.runUntilSettled(wait()), { code: 'ERR_RAFT_LAGGING' })
  })

  it('rejects an index that is none', async () => {
    for (const atLeast of [-1, 1.5, Number.NaN, '7' as unknown as number])
      await assert.rejects(
        leader.read(() => 0, { atLeast }),
        { code: 'ERR_RAFT_OPTIONS', message: /^atLeast must be/ },
      )
  })

  it('lets a client go on to a node that has the index', async () => {
    const client = new RaftClient<string, number, string, number>({
      endpoints: [`memory:${follower.id}`, ...Object.values(cluster.peers)],
      channel: memoryChannelFactory((address) => cluster.node(address.replace('memory:', '')), {
        clock: cluster.clocks.get('n1'),
      }),
      clock: cluster.clocks.get('n1'),
      sessions: false,
    })
    cluster.isolate(follower.id)
    const { index } = await cluster.runUntilSettled(client.proposeWithIndex('a'))
    assert.equal(await cluster.runUntilSettled(client.query('', { atLeast: index })), 1)
    const stale = client.query('', { atLeast: index, endpoint: `memory:${follower.id}`, timeoutMs: 200 })
    await assert.rejects(cluster.runUntilSettled(stale), { code: 'ERR_RAFT_LAGGING' })
    await assert.rejects(cluster.runUntilSettled(client.query('', { atLeast: index + 9, timeoutMs: 2000 })), {
      code: 'ERR_RAFT_LAGGING',
    })
    await client.close()
  })
})
