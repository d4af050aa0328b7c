import assert from 'node:assert/strict'
import type { Change, ChangeBatch, ChangesOptions } from '../../../src/contracts/node-service.ts'
import type { RaftError } from '../../../src/errors.ts'
import type { JournalNode, JournalOptions } from '../virtual-cluster.ts'
import { flushPromises, VirtualCluster } from '../virtual-cluster.ts'

type TextChange = Change<string, number>

describe('the changes of a node', () => {
  let cluster: VirtualCluster
  let leader: JournalNode

  async function start(options: JournalOptions = {}, ids = 'a b c'): Promise<void> {
    cluster = new VirtualCluster(ids, options)
    await cluster.startAll()
    leader = await cluster.leader()
  }

  afterEach(() => cluster.close())

  const propose = (...commands: readonly string[]): Promise<unknown> =>
    cluster.runUntilSettled(Promise.all(commands.map((command) => leader.propose(command))))
  const textOf = ({ command, result }: TextChange): string => `${command}=${result}`

  /** The next changes of an iterator. */
  async function next(changes: AsyncIterator<TextChange>, count: number): Promise<string[]> {
    const texts: string[] = []
    while (texts.length < count) {
      const { value } = await cluster.runUntilSettled(changes.next())
      assert.ok(value)
      texts.push(textOf(value))
    }
    return texts
  }

  const refusal = (options: ChangesOptions, node = leader): Promise<unknown> =>
    cluster.runUntilSettled(
      node
        .changes(options)
        .next()
        .catch((error: unknown) => error),
    )

  it('are every command with its result, in order, on every node', async () => {
    await start()
    await propose('one', 'two')
    for (const node of cluster.nodes.values()) {
      const changes = node.changes({ from: 1 })
      assert.deepEqual(await next(changes, 2), ['one=1', 'two=2'])
      await changes.return?.()
    }
    const changes = leader.changes()
    await propose('three')
    const { value } = await cluster.runUntilSettled(changes.next())
    const { index, term } = await cluster.runUntilSettled(leader.proposeWithIndex('four'))
    assert.deepEqual(value, { index: index - 1, term, command: 'three', result: 3 })
    assert.deepEqual(await next(leader.changes({ from: index }), 1), ['four=4'])
  })

  it('are a command of a session once, and no registration, membership or no-op', async () => {
    await start()
    const { id } = await cluster.runUntilSettled(leader.registerSession())
    const session = { id, sequence: 1 }
    for (let call = 0; call < 3; call++) await cluster.runUntilSettled(leader.propose('once', { session }))
    await cluster.runUntilSettled(leader.changeMembership({ demote: [cluster.followers(leader)[0]?.id ?? ''] }))
    await propose('last')
    assert.deepEqual(await next(leader.changes({ from: 1 }), 2), ['once=1', 'last=2'])
  })

  it('follow a state that was read, without a gap and without a repetition', async () => {
    await start()
    await propose('one', 'two')
    const { entries, appliedIndex } = await cluster.runUntilSettled(
      leader.read((appliedIndex) => ({ entries: [...cluster.entries(leader.id)], appliedIndex })),
    )
    await propose('three')
    assert.deepEqual(entries, ['one', 'two'])
    assert.deepEqual(await next(leader.changes({ from: appliedIndex + 1 }), 1), ['three=3'])
  })

  it('are those from the log again after a restart', async () => {
    await start()
    await propose('one', 'two')
    await cluster.advance(1000)
    const [follower] = cluster.followers(leader)
    cluster.crash(follower?.id ?? '')
    const again = await cluster.start(follower?.id ?? '')
    assert.deepEqual(await next(again.changes({ from: 1 }), 2), ['one=1', 'two=2'])
  })

  it('are refused once they are compacted, with the first index that is left', async () => {
    await start({ changesMax: 2 })
    await propose('one', 'two', 'three')
    const { details } = (await refusal({ from: 1 })) as { details: { firstIndex: number } }
    assert.deepEqual(await next(leader.changes({ from: details.firstIndex }), 2), ['two=2', 'three=3'])
    const { code, details: dropped } = (await refusal({ from: details.firstIndex - 1 })) as RaftError
    assert.deepEqual(
      [code, dropped],
      ['ERR_RAFT_COMPACTED', { wantedIndex: details.firstIndex - 1, firstIndex: details.firstIndex }],
    )
  })

  it('tell a reader that a snapshot was restored', async () => {
    await start({ trailingEntries: 0, laggardBytesMax: 0 })
    const [follower] = cluster.followers(leader) as [JournalNode]
    const changes = follower.changes()
    const first = changes.next()
    await propose('one')
    assert.equal((await cluster.runUntilSettled(first)).value?.command, 'one')
    const waiting = changes.next().catch((error: unknown) => error)
    cluster.isolate(follower.id)
    await propose('two', 'three')
    const { index } = await cluster.runUntilSettled(leader.takeSnapshot())
    cluster.rejoin(follower.id)
    const { code, details } = (await cluster.runUntilSettled(waiting)) as { code: string; details: object }
    assert.deepEqual([code, details], ['ERR_RAFT_COMPACTED', { wantedIndex: index - 1, firstIndex: index + 1 }])
  })

  it('are not kept if changesMax is 0', async () => {
    await start({ changesMax: 0 })
    assert.match(String(await refusal({})), /keeps no changes: its option changesMax is 0/)
  })

  it('reject an index that is none, and one of another cluster', async () => {
    await start()
    assert.match(String(await refusal({ from: 0 })), /from must be/)
    assert.equal(
      ((await refusal({ from: 1, clusterId: 'other' })) as { code: string }).code,
      'ERR_RAFT_CLUSTER_MISMATCH',
    )
  })

  it('end with the signal and with return, also while they wait, and free their place', async () => {
    await start({ changeReadersMax: 1 })
    const controller = new AbortController()
    const changes = leader.changes({ signal: controller.signal })
    const waiting = changes.next()
    assert.match(String(await refusal({})), /changeReadersMax is 1/)
    controller.abort()
    assert.deepEqual(await waiting, { done: true, value: undefined })
    const others = leader.changes()
    const pending = others.next()
    await flushPromises()
    await others.return?.()
    assert.deepEqual(await pending, { done: true, value: undefined })
    assert.equal((await leader.changes({ signal: controller.signal }).next()).done, true)
    void leader
      .changes()
      .next()
      .catch(() => undefined)
  })

  it('reject when the node closes', async () => {
    await start()
    const waiting = leader
      .changes()
      .next()
      .catch((error: unknown) => error)
    await cluster.runUntilSettled(leader.close())
    assert.equal(((await waiting) as { code: string }).code, 'ERR_RAFT_CLOSED')
  })

  describe('in batches', () => {
    const batch = async (batches: AsyncIterator<ChangeBatch>): Promise<ChangeBatch> =>
      (await cluster.runUntilSettled(batches.next())).value

    it('come at once, with many changes, and at least every second', async () => {
      await start()
      await propose('one', 'two')
      const batches = leader.changesBytes({ from: 1 })
      const { changes, nextIndex, clusterId } = await batch(batches)
      assert.deepEqual(
        changes.map(({ command }) => Buffer.from(command).toString()),
        ['"one"', '"two"'],
      )
      assert.equal(nextIndex, (changes[1]?.index ?? 0) + 1)
      assert.equal(clusterId, leader.statusNow().clusterId)
      const askedAt = cluster.time.nowUs
      const idle = await batch(batches)
      assert.deepEqual([idle.changes, idle.nextIndex >= nextIndex], [[], true])
      assert.ok(cluster.time.nowUs - askedAt <= 1_000_000)
    })

    it('end on a node that knows no leader for a second, but not during an election', async () => {
      await start()
      await propose('one')
      await cluster.advance(1000)
      const [follower] = cluster.followers(leader) as [JournalNode]
      const batches = follower.changesBytes()
      await batch(batches)
      cluster.isolate(follower.id)
      const failed = (async () => {
        for (;;) await batches.next()
      })()
      const error = await cluster.runUntilSettled(failed.catch((reason: unknown) => reason))
      assert.equal((error as { code: string }).code, 'ERR_RAFT_NO_LEADER')
      assert.equal(follower.statusNow().leader, undefined)
    })
  })
})
