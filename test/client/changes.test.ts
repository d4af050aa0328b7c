import assert from 'node:assert/strict'
import { RaftClient } from '../../src/client/raft-client.ts'
import type { Change, ChangesOptions } from '../../src/contracts/node-service.ts'
import type { RaftError } from '../../src/errors.ts'
import { memoryChannelFactory } from '../../src/memory/memory-channel.ts'
import { NodeClock } from '../../src/testing/simulation/virtual-clock.ts'
import type { JournalOptions } from '../runtime/virtual-cluster.ts'
import { VirtualCluster } from '../runtime/virtual-cluster.ts'

describe('the changes of a cluster', () => {
  let cluster: VirtualCluster
  let client: RaftClient<string, number>
  /** The nodes that were asked for changes, in order. */
  let asked: string[]
  /** The one that the client prefers: it has proposed there. */
  let leader: string

  async function start(options: JournalOptions = {}, limits: { changesTimeoutMs?: number } = {}): Promise<void> {
    cluster = new VirtualCluster('a b c', options)
    await cluster.startAll()
    const clock = new NodeClock(cluster.time, { startMs: 0, ratePerMille: 1000 })
    asked = []
    const factory = memoryChannelFactory((address) => cluster.nodes.get(address.slice('memory:'.length)), { clock })
    client = new RaftClient<string, number>({
      endpoints: ['memory:a', 'memory:b', 'memory:c'],
      channel: (address) => {
        const channel = factory(address)
        const changes = channel.changes.bind(channel)
        channel.changes = (given) => {
          asked.push(address.slice('memory:'.length))
          return changes(given)
        }
        return channel
      },
      clock,
      random: () => 0,
      ...limits,
    })
    await propose('one')
    leader = (await cluster.leader()).id
  }

  afterEach(async () => {
    await cluster.runUntilSettled(client.close())
    await cluster.close()
  })

  const propose = (command: string): Promise<number> => cluster.runUntilSettled(client.propose(command))
  const next = async (changes: AsyncIterator<Change<string, number>>): Promise<string> => {
    const { value } = await cluster.runUntilSettled(changes.next())
    return `${value?.command}=${value?.result}`
  }
  const failure = (options: ChangesOptions): Promise<RaftError> =>
    cluster.runUntilSettled(
      client
        .changes(options)
        .next()
        .catch((error: unknown) => error as RaftError),
    ) as never

  it('are followed from an index, by default from the next one', async () => {
    await start()
    const all = client.changes({ from: 1 })
    assert.equal(await next(all), 'one=1')
    const later = client.changes()
    const first = next(later)
    await cluster.advance(100)
    await propose('two')
    assert.deepEqual([await first, await next(all)], ['two=2', 'two=2'])
    assert.deepEqual(asked, [leader, leader])
  })

  it('continue at another node when the one that is followed crashes', async () => {
    await start()
    const changes = client.changes({ from: 1 })
    assert.equal(await next(changes), 'one=1')
    const waiting = next(changes)
    cluster.crash(leader)
    await propose('two')
    assert.equal(await waiting, 'two=2')
    await propose('three')
    assert.equal(await next(changes), 'three=3')
    assert.equal(asked[0], leader)
    assert.ok(cluster.nodes.has(asked.at(-1) ?? ''))
  })

  it('continue at another node when the one that is followed closes, hangs or is cut off', async () => {
    await start()
    const changes = client.changes({ from: 1 })
    assert.equal(await next(changes), 'one=1')
    cluster.clocks.get(leader)?.pause()
    const second = next(changes)
    await cluster.leader(cluster.node(leader))
    await propose('two')
    assert.equal(await second, 'two=2')
    cluster.clocks.get(leader)?.resume()
    await cluster.advance(3000)
    const followed = asked.at(-1) ?? ''
    cluster.isolate(followed)
    const third = next(changes)
    await cluster.leader(cluster.node(followed))
    await propose('three')
    assert.equal(await third, 'three=3')
    cluster.rejoin(followed)
    await cluster.advance(3000)
    const closed = asked.at(-1) ?? ''
    const fourth = next(changes)
    await cluster.runUntilSettled(cluster.node(closed).close())
    cluster.nodes.delete(closed)
    await propose('four')
    assert.equal(await fourth, 'four=4')
  })

  it('come from a node that has them if others have restored a snapshot', async () => {
    await start({ trailingEntries: 0 })
    await propose('two')
    await cluster.runUntilSettled(cluster.node(leader).takeSnapshot())
    await cluster.advance(1000)
    cluster.crash(leader)
    await cluster.start(leader)
    await cluster.advance(3000)
    const changes = client.changes({ from: 1 })
    assert.deepEqual([await next(changes), await next(changes)], ['one=1', 'two=2'])
    assert.equal(cluster.eventsOf(leader, 'restored').length, 1)
    assert.equal(asked.length, 2)
  })

  it('reject with the lowest index that is left if no node has them, also when one is down', async () => {
    await start({ changesMax: 2 })
    for (const command of ['two', 'three', 'four']) await propose(command)
    await cluster.advance(1000)
    cluster.crash(cluster.followers(await cluster.leader())[0]?.id ?? '')
    const { code, details } = await failure({ from: 1 })
    assert.equal(code, 'ERR_RAFT_COMPACTED')
    const changes = client.changes({ from: details.firstIndex as number })
    assert.deepEqual([await next(changes), await next(changes)], ['three=3', 'four=4'])
  })

  it('reject a reader that is slower than the changes', async () => {
    await start({ changesMax: 2 })
    const changes = client.changes({ from: 1 })
    assert.equal(await next(changes), 'one=1')
    for (const command of ['two', 'three', 'four', 'five']) await propose(command)
    await cluster.advance(1000)
    const { code } = (await cluster.runUntilSettled(changes.next().catch((error: unknown) => error))) as RaftError
    assert.equal(code, 'ERR_RAFT_COMPACTED')
  })

  it('wait while there is no leader, and reject if that takes too long', async () => {
    await start({}, { changesTimeoutMs: 20_000 })
    const changes = client.changes({ from: 1 })
    assert.equal(await next(changes), 'one=1')
    for (const id of ['a', 'b']) cluster.crash(id)
    const waiting = next(changes)
    await cluster.advance(10_000)
    await cluster.start('a')
    await propose('two')
    assert.equal(await waiting, 'two=2')
    for (const id of [...cluster.nodes.keys()].slice(0, 1)) cluster.crash(id)
    const failed = changes.next().catch((error: unknown) => error)
    assert.match(String(await cluster.runUntilSettled(failed)), /no leader was found within 2\d{4} ms/)
  })

  it('name their cluster, and reject an index of another one', async () => {
    await start()
    const { value } = await cluster.runUntilSettled(client.changes({ from: 1 }).next())
    const { clusterId } = cluster.node('a').statusNow()
    assert.equal(value?.clusterId, clusterId)
    assert.equal(await next(client.changes({ from: 1, clusterId })), 'one=1')
    assert.equal((await failure({ from: 2, clusterId: 'other' })).code, 'ERR_RAFT_CLUSTER_MISMATCH')
    assert.equal((await failure({ from: 0.5 })).code, 'ERR_RAFT_OPTIONS')
  })

  it('end with the signal and with return, also while they wait, and reject when the client closes', async () => {
    await start()
    const controller = new AbortController()
    const end = { done: true, value: undefined }
    const aborted = client.changes({ signal: controller.signal }).next()
    const returned = client.changes()
    const pending = returned.next()
    const closed = client
      .changes()
      .next()
      .catch((error: unknown) => (error as RaftError).code)
    await cluster.advance(100)
    controller.abort()
    await cluster.runUntilSettled(Promise.resolve(returned.return?.()))
    assert.deepEqual(await cluster.runUntilSettled(Promise.all([aborted, pending])), [end, end])
    await cluster.runUntilSettled(client.close())
    assert.equal(await cluster.runUntilSettled(closed), 'ERR_RAFT_CLOSED')
    assert.equal((await failure({})).code, 'ERR_RAFT_CLOSED')
  })
})
