import assert from 'node:assert/strict'
import { RaftClient } from '../../src/client/raft-client.ts'
import { isRaftError } from '../../src/errors.ts'
import { memoryChannelFactory } from '../../src/memory/memory-channel.ts'
import type { JournalNode } from './virtual-cluster.ts'
import { flushPromises, VirtualCluster } from './virtual-cluster.ts'

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

describe('a read with maxStalenessMs', () => {
  let cluster: VirtualCluster
  let leader: JournalNode
  let follower: JournalNode

  beforeEach(async () => {
    cluster = new VirtualCluster('n1 n2 n3', { clockDriftMax: 0.1 })
    await cluster.startAll()
    await cluster.leader()
    await cluster.advance(3000)
    leader = await cluster.leader()
    follower = cluster.followers(leader)[0] as JournalNode
  })

  afterEach(() => cluster.close())

  const read = (maxStalenessMs: number, timeoutMs = 3000): Promise<readonly string[]> =>
    cluster.runUntilSettled(follower.read(() => [...cluster.entries(follower.id)], { maxStalenessMs, timeoutMs }))

  const isAnsweredAtOnce = async (maxStalenessMs: number): Promise<boolean> => {
    let isAnswered = false
    const reading = follower.read(() => 0, { maxStalenessMs, timeoutMs: 500 })
    reading.then(
      () => {
        isAnswered = true
      },
      () => undefined,
    )
    await flushPromises()
    const answered = isAnswered
    await cluster.runUntilSettled(reading.catch(() => 0))
    return answered
  }

  it('asks a quorum first, and is answered from memory until the proof is too old', async () => {
    assert.equal(await isAnsweredAtOnce(1000), false)
    assert.equal(await isAnsweredAtOnce(1000), true)
    cluster.isolate(follower.id)
    await cluster.advance(850)
    assert.equal(await isAnsweredAtOnce(1000), true)
    // 910 ms on a clock that may be slow by 10 % are more than 1000 ms.
    await cluster.advance(60)
    assert.equal(await isAnsweredAtOnce(1000), false)
  })

  it('is proven by a linearizable read too, and not by a local one', async () => {
    await cluster.runUntilSettled(follower.read(() => 0, { mode: 'local' }))
    assert.equal(await isAnsweredAtOnce(1000), false)
    await cluster.advance(2000)
    await cluster.runUntilSettled(follower.read(() => 0))
    assert.equal(await isAnsweredAtOnce(1000), true)
  })

  it('has every write that was acknowledged that long before', async () => {
    for (let count = 1; count <= 20; count++) {
      await cluster.runUntilSettled(leader.propose('a'))
      await cluster.advance(200)
      assert.equal((await read(200)).length, count)
    }
  })

  it('renews its proof in time, so that frequent reads do not wait', async () => {
    await read(1000)
    for (let times = 0; times < 30; times++) {
      await cluster.advance(300)
      assert.equal(await isAnsweredAtOnce(1000), true)
    }
  })

  it('rejects with the proven age if no quorum confirms', async () => {
    await read(100)
    cluster.isolate(follower.id)
    await cluster.advance(9000)
    const error = await read(100, 900).catch((reason: unknown) => reason)
    assert.ok(isRaftError(error, 'ERR_RAFT_LAGGING'))
    assert.deepEqual([error.outcome, error.retryable, error.details.maxStalenessMs], ['not-applied', true, 100])
    assert.ok(Number(error.details.ageMs) >= 11_000 && Number(error.details.ageMs) < 11_200, `${error.details.ageMs}`)
    assert.match(error.message, /can prove that its state is at most 11\d\d\d ms old, and the read wants 100 ms; /)
  })

  it('rejects a query of a client at once while the node knows no leader', async () => {
    cluster.isolate(follower.id)
    await cluster.runUntil(() => follower.statusNow().leader === undefined)
    const query = follower.queryBytes(Buffer.from('""'), { maxStalenessMs: 100 })
    await assert.rejects(cluster.runUntilSettled(query), {
      code: 'ERR_RAFT_LAGGING',
      message: /can prove nothing about the age of its state, and the read wants 100 ms; .*no leader is known/,
    })
  })

  it('counts the time from the request for the proof, not from its answer', async () => {
    const link = [`memory:${follower.id}`, `memory:${leader.id}`] as const
    cluster.network.stall(...link)
    const reading = read(250).catch((reason: unknown) => reason)
    await cluster.advance(300)
    cluster.network.resume(...link)
    const error = await reading
    assert.ok(isRaftError(error, 'ERR_RAFT_LAGGING'))
    assert.match(error.message, /the confirmation took longer$/)
  })

  it('rejects what is no staleness, and a mode that needs none', async () => {
    for (const maxStalenessMs of [0, -1, 1.5, Number.NaN, 2 ** 31])
      await assert.rejects(
        leader.read(() => 0, { maxStalenessMs }),
        { code: 'ERR_RAFT_OPTIONS' },
      )
    await assert.rejects(
      leader.read(() => 0, { maxStalenessMs: 10, mode: 'linearizable' }),
      {
        code: 'ERR_RAFT_OPTIONS',
        message: "maxStalenessMs is for local reads, not for mode 'linearizable', which is as fresh as can be",
      },
    )
  })
})
