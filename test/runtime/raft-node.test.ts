import assert from 'node:assert/strict'
import { RaftError } from '../../src/errors.ts'
import { VirtualCluster } from './virtual-cluster.ts'

describe('a node of a cluster', () => {
  let cluster: VirtualCluster

  afterEach(async () => {
    await cluster.close()
  })

  it('resolves a proposal with the state machine’s result, and every node applies it', async () => {
    cluster = new VirtualCluster('n1 n2 n3')
    await cluster.startAll()
    const leader = await cluster.leader()
    assert.equal(await cluster.runUntilSettled(leader.propose('a')), 1)
    assert.equal(await cluster.runUntilSettled(leader.propose('b')), 2)
    await cluster.runUntil(() => ['n1', 'n2', 'n3'].every((id) => cluster.entries(id).join('') === 'ab'))
  })

  it('puts the proposals of one turn into one block', async () => {
    cluster = new VirtualCluster('n1')
    const node = await cluster.start('n1')
    await cluster.leader()
    const before = node.statusNow().lastIndex
    const results = await cluster.runUntilSettled(Promise.all(['a', 'b', 'c'].map((command) => node.propose(command))))
    assert.deepEqual(results, [1, 2, 3])
    const blocks = cluster.disks.get('n1')?.view.log.blocks ?? []
    assert.deepEqual(
      blocks.filter(({ kind, first }) => kind === 'commands' && first > before).map(({ count }) => count),
      [3],
    )
  })

  it('rejects a proposal to a follower that must not forward it, and names the leader and its address', async () => {
    cluster = new VirtualCluster('n1 n2 n3')
    await cluster.startAll()
    const leader = await cluster.leader()
    const [follower] = cluster.followers(leader)
    await cluster.runUntil(() => follower?.statusNow().leader)
    await assert.rejects(cluster.runUntilSettled(follower?.propose('a', { forward: false }) ?? Promise.resolve(0)), {
      code: 'ERR_RAFT_NOT_LEADER',
      outcome: 'not-applied',
      retryable: true,
      leader: { id: leader.id, address: `memory:${leader.id}`, term: 1 },
    })
  })

  it('rejects a proposal while no leader is known', async () => {
    cluster = new VirtualCluster('n1 n2 n3')
    const node = await cluster.start('n1')
    await assert.rejects(cluster.runUntilSettled(node.propose('a')), {
      code: 'ERR_RAFT_NO_LEADER',
      outcome: 'not-applied',
    })
  })

  it('rejects a proposal as unknown at its deadline if no quorum responds', async () => {
    cluster = new VirtualCluster('n1 n2 n3', { checkQuorum: false })
    await cluster.startAll()
    const leader = await cluster.leader()
    cluster.isolate(leader.id)
    const startedAt = cluster.time.nowUs
    await assert.rejects(cluster.runUntilSettled(leader.propose('a', { timeoutMs: 300 })), {
      code: 'ERR_RAFT_OUTCOME_UNKNOWN',
      outcome: 'unknown',
      retryable: false,
    })
    assert.ok(cluster.time.nowUs - startedAt <= 310_000)
  })

  it('rejects a proposal of a deposed leader as overwritten once another entry is committed in its place', async () => {
    cluster = new VirtualCluster('n1 n2 n3')
    await cluster.startAll()
    const deposed = await cluster.leader()
    cluster.isolate(deposed.id)
    const lost = deposed.propose('lost', { timeoutMs: 60_000 })
    lost.catch(() => undefined)
    const leader = await cluster.leader(deposed)
    await cluster.runUntilSettled(leader.propose('kept'))
    cluster.rejoin(deposed.id)
    await assert.rejects(cluster.runUntilSettled(lost), { code: 'ERR_RAFT_ENTRY_OVERWRITTEN', outcome: 'not-applied' })
    await cluster.runUntil(() => cluster.entries(deposed.id).join() === 'kept')
  })

  it('resolves a proposal that is committed by the next leader', async () => {
    cluster = new VirtualCluster('n1 n2 n3')
    await cluster.startAll()
    const leader = await cluster.leader()
    const result = leader.propose('a', { timeoutMs: 60_000 })
    await cluster.runUntil(() => leader.statusNow().peers.some(({ matchIndex }) => matchIndex > 0))
    await cluster.runUntil(() =>
      cluster.followers(leader).some((node) => node.statusNow().persistedIndex >= leader.statusNow().lastIndex),
    )
    cluster.isolate(leader.id)
    await cluster.leader(leader)
    cluster.rejoin(leader.id)
    assert.equal(await cluster.runUntilSettled(result), 1)
  })

  it('rejects a proposal when its signal is aborted: as not applied while queued, as unknown afterwards', async () => {
    cluster = new VirtualCluster('n1 n2 n3', { checkQuorum: false })
    await cluster.startAll()
    const leader = await cluster.leader()
    cluster.isolate(leader.id)
    const early = new AbortController()
    const queued = leader.propose('a', { signal: early.signal })
    early.abort('enough')
    await assert.rejects(queued, { code: 'ERR_RAFT_ABORTED', outcome: 'not-applied', cause: 'enough' })
    const late = new AbortController()
    const accepted = leader.propose('b', { signal: late.signal })
    accepted.catch(() => undefined)
    await cluster.advance(10)
    late.abort()
    await assert.rejects(accepted, { code: 'ERR_RAFT_OUTCOME_UNKNOWN', outcome: 'unknown' })
    await assert.rejects(leader.propose('c', { signal: late.signal }), { code: 'ERR_RAFT_ABORTED' })
  })

  it('rejects a command that is too large, and reports the limit', async () => {
    cluster = new VirtualCluster('n1', { commandBytesMax: 10 })
    const node = await cluster.start('n1')
    await assert.rejects(node.propose('12345678901'), {
      code: 'ERR_RAFT_TOO_LARGE',
      message: 'the command has 13 bytes, more than commandBytesMax (10)',
    })
  })

  it('rejects proposals above the limit of pending ones', async () => {
    cluster = new VirtualCluster('n1 n2 n3', { pendingProposalsMax: 2, checkQuorum: false })
    await cluster.startAll()
    const leader = await cluster.leader()
    cluster.isolate(leader.id)
    const waiting = [leader.propose('a'), leader.propose('b')]
    for (const one of waiting) one.catch(() => undefined)
    await assert.rejects(leader.propose('c'), {
      code: 'ERR_RAFT_OVERLOADED',
      details: { limit: 'pendingProposalsMax', value: 3, max: 2 },
    })
    assert.equal(leader.statusNow().pendingProposals, 2)
  })

  it('reads on any node what was acknowledged before, except in local mode, which may return stale data', async () => {
    cluster = new VirtualCluster('n1 n2 n3')
    await cluster.startAll()
    const leader = await cluster.leader()
    await cluster.runUntilSettled(leader.propose('a'))
    for (const node of cluster.nodes.values())
      assert.deepEqual(await cluster.runUntilSettled(node.read(() => [...cluster.entries(node.id)])), ['a'])
    const [isolated] = cluster.followers(leader)
    cluster.isolate(isolated?.id ?? '')
    await cluster.runUntilSettled(leader.propose('b'))
    assert.deepEqual(
      await cluster.runUntilSettled(
        isolated?.read(() => [...cluster.entries(isolated.id)], { mode: 'local' }) ?? Promise.resolve([]),
      ),
      ['a'],
    )
    await assert.rejects(cluster.runUntilSettled(isolated?.read(() => 0, { timeoutMs: 400 }) ?? Promise.resolve(0)), {
      outcome: 'not-applied',
    })
  })

  it('delays a read while there is no leader, and rejects a network query at once', async () => {
    cluster = new VirtualCluster('n1 n2 n3')
    const node = await cluster.start('n1')
    const early = node.read(() => 'answer')
    await assert.rejects(cluster.runUntilSettled(node.queryBytes(Buffer.from('"a"'))), { code: 'ERR_RAFT_NO_LEADER' })
    await assert.rejects(cluster.runUntilSettled(node.read(() => 0, { timeoutMs: 200 })), {
      code: 'ERR_RAFT_NO_LEADER',
    })
    await cluster.start('n2')
    assert.equal(await cluster.runUntilSettled(early), 'answer')
  })

  it('answers a typed query with that of the state machine, as fresh as a read', async () => {
    cluster = new VirtualCluster('n1 n2 n3')
    const node = await cluster.start('n1')
    const early = node.query('')
    await cluster.start('n2')
    assert.equal(await cluster.runUntilSettled(early), 0)
    const leader = await cluster.leader()
    await cluster.runUntilSettled(leader.propose('abc'))
    for (const each of cluster.nodes.values()) assert.equal(await cluster.runUntilSettled(each.query('a')), 1)
    const late = leader.query('a', { atLeast: leader.statusNow().lastIndex + 1 })
    await assert.rejects(cluster.runUntilSettled(late), { code: 'ERR_RAFT_LAGGING' })
  })

  it('says what to do if the state machine answers no queries', async () => {
    const stateMachine = { apply: () => 0, snapshot: () => [], restore: async () => undefined }
    cluster = new VirtualCluster('n1', { stateMachine })
    const node = await cluster.start('n1')
    for (const query of [node.query(''), node.queryBytes(Buffer.from('""'))])
      await assert.rejects(query, { code: 'ERR_RAFT_BAD_MESSAGE', outcome: 'not-applied', hint: /add query\(\)/ })
  })

  it('rejects a read with the error that its query throws', async () => {
    cluster = new VirtualCluster('n1')
    const node = await cluster.start('n1')
    await cluster.leader()
    const query = (): never => {
      throw new RangeError('mine')
    }
    await assert.rejects(cluster.runUntilSettled(node.read(query)), new RangeError('mine'))
  })

  it('accepts encoded commands and queries, and rejects bytes that it cannot decode', async () => {
    cluster = new VirtualCluster('n1')
    const node = await cluster.start('n1')
    await cluster.runUntil(() => node.statusNow().membership.members[0]?.directoryId !== '')
    await cluster.runUntil(() => node.statusNow().isMembershipCommitted)
    const expectedIndex = node.statusNow().lastIndex + 1
    const { index, term, result } = await cluster.runUntilSettled(node.proposeBytes(Buffer.from('"abc"')))
    assert.deepEqual([index, term, Buffer.from(result).toString()], [expectedIndex, 1, '1'])
    const { answer, appliedIndex } = await cluster.runUntilSettled(node.queryBytes(Buffer.from('"a"')))
    assert.deepEqual([Buffer.from(answer).toString(), appliedIndex], ['1', index])
    await assert.rejects(node.proposeBytes(Buffer.from('{')), { code: 'ERR_RAFT_BAD_MESSAGE', outcome: 'not-applied' })
    await assert.rejects(node.queryBytes(Buffer.from('{')), { code: 'ERR_RAFT_BAD_MESSAGE', outcome: 'not-applied' })
  })

  it('encodes a result before it applies the next command, which may change what the result refers to', async () => {
    const journal: string[] = []
    const stateMachine = {
      apply(command: string): number {
        journal.push(command)
        return journal as never
      },
      snapshot: () => [],
      restore: async () => undefined,
    }
    cluster = new VirtualCluster('n1', { stateMachine })
    const node = await cluster.start('n1')
    await cluster.leader()
    const calls = ['"a"', '"b"'].map((command) => node.proposeBytes(Buffer.from(command)))
    const results = await cluster.runUntilSettled(Promise.all(calls))
    assert.deepEqual(
      results.map(({ result }) => Buffer.from(result).toString()),
      ['["a"]', '["a","b"]'],
    )
  })

  it('stops if the state machine throws, reports the index and the stack, and skips no entry', async () => {
    cluster = new VirtualCluster('n1')
    const node = await cluster.start('n1')
    await cluster.leader()
    await cluster.runUntilSettled(node.propose('a'))
    const boom = node.propose('boom')
    const after = node.propose('after')
    for (const one of [boom, after]) one.catch(() => undefined)
    const failure = await cluster.runUntilSettled(node.failed)
    assert.equal(failure.code, 'ERR_RAFT_APPLY')
    assert.match(failure.message, /threw at index \d+ .*boom[\s\S]*at Journal\.apply/)
    await assert.rejects(boom, { code: 'ERR_RAFT_OUTCOME_UNKNOWN' })
    await assert.rejects(after, { code: 'ERR_RAFT_OUTCOME_UNKNOWN' })
    await assert.rejects(node.propose('more'), { code: 'ERR_RAFT_CLOSED', outcome: 'not-applied' })
    assert.deepEqual(cluster.entries('n1'), ['a'])
    await cluster.advance(10)
    assert.match(node.statusNow().stopped ?? '', /boom/)
    assert.equal(cluster.eventsOf('n1', 'failed').length, 1)
  })

  it('stops if a write fails, and another node is elected', async () => {
    cluster = new VirtualCluster('n1 n2 n3')
    await cluster.startAll()
    const leader = await cluster.leader()
    await cluster.runUntilSettled(leader.propose('a'))
    cluster.disks.get(leader.id)?.failWrites(new RaftError('ERR_RAFT_STORAGE', 'EIO: the disk is gone'))
    await assert.rejects(cluster.runUntilSettled(leader.propose('b')), { code: 'ERR_RAFT_OUTCOME_UNKNOWN' })
    assert.equal((await leader.failed).code, 'ERR_RAFT_STORAGE')
    const successor = await cluster.leader(leader)
    await cluster.runUntilSettled(successor.propose('c'))
    assert.equal(leader.statusNow().role, 'follower')
    assert.match(leader.statusNow().stopped ?? '', /the disk is gone/)
  })

  it('recovers its vote, its log and its state after a crash of all nodes', async () => {
    cluster = new VirtualCluster('n1 n2 n3')
    await cluster.startAll()
    const leader = await cluster.leader()
    for (const command of ['a', 'b', 'c']) await cluster.runUntilSettled(leader.propose(command))
    const { term } = leader.statusNow()
    for (const id of ['n1', 'n2', 'n3']) cluster.crash(id)
    await cluster.startAll()
    const successor = await cluster.leader()
    assert.ok(successor.statusNow().term > term)
    assert.equal(await cluster.runUntilSettled(successor.propose('d')), 4)
    await cluster.runUntil(() => ['n1', 'n2', 'n3'].every((id) => cluster.entries(id).join('') === 'abcd'))
  })

  it('takes a snapshot while commands are applied, and restarts from it', async () => {
    cluster = new VirtualCluster('n1', { snapshotEntries: 10, trailingEntries: 2 })
    const node = await cluster.start('n1')
    await cluster.leader()
    for (let n = 0; n < 25; n++) await cluster.runUntilSettled(node.propose(`c${n}`))
    await cluster.runUntil(() => node.statusNow().snapshotIndex >= 20)
    assert.ok(node.statusNow().firstIndex > 10)
    cluster.crash('n1')
    const again = await cluster.start('n1')
    await cluster.leader()
    assert.equal(await cluster.runUntilSettled(again.propose('last')), 26)
    assert.equal(cluster.entries('n1')[0], 'c0')
    assert.equal(cluster.eventsOf('n1', 'restored').length, 1)
  })

  it('restores a follower from a snapshot if the log no longer has the entries it lacks', async () => {
    cluster = new VirtualCluster('n1 n2 n3', { snapshotEntries: 10, trailingEntries: 0, trailingBytesMax: 0 })
    await cluster.startAll()
    const leader = await cluster.leader()
    const [follower] = cluster.followers(leader)
    const id = follower?.id ?? ''
    cluster.crash(id)
    for (let n = 0; n < 40; n++) await cluster.runUntilSettled(leader.propose(`c${n}`))
    await cluster.runUntil(() => leader.statusNow().firstIndex > 20)
    await cluster.start(id)
    await cluster.runUntil(() => cluster.entries(id).length === 40)
    assert.ok(cluster.eventsOf(id, 'fetchStarted').length >= 1)
    assert.ok(cluster.eventsOf(id, 'snapshotInstalled').length >= 1)
    for (const { snapshot } of cluster.eventsOf(id, 'fetchStarted')) assert.equal(typeof snapshot.checksum, 'number')
    assert.equal(await cluster.runUntilSettled(leader.propose('next')), 41)
    await cluster.runUntil(() => cluster.entries(id).length === 41)
  })

  it('records the directory ids of all members, and rejects an emptied directory under the old id', async () => {
    cluster = new VirtualCluster('n1 n2 n3')
    await cluster.startAll()
    const leader = await cluster.leader()
    await cluster.runUntil(() => leader.statusNow().membership.members.every(({ directoryId }) => directoryId !== ''))
    await cluster.runUntilSettled(leader.propose('a'))
    const [follower] = cluster.followers(leader)
    const id = follower?.id ?? ''
    cluster.crash(id)
    cluster.wipe(id)
    const wiped = await cluster.start(id)
    const failure = await cluster.runUntilSettled(wiped.failed)
    assert.equal(failure.code, 'ERR_RAFT_DIRECTORY_MISMATCH')
    assert.equal(wiped.statusNow().votedFor, undefined)
  })

  it('adds an empty node, promotes it, and removes another one, which learns of its removal', async () => {
    cluster = new VirtualCluster('n1 n2 n3')
    await cluster.startAll()
    const leader = await cluster.leader()
    await cluster.runUntilSettled(leader.propose('a'))
    await cluster.start('n4', { join: true, cluster: leader.statusNow().clusterId })
    await cluster.runUntilSettled(leader.changeMembership({ add: [{ id: 'n4', address: 'memory:n4', promote: true }] }))
    await cluster.runUntil(() => leader.statusNow().membership.voters.includes('n4'))
    await cluster.runUntil(() => leader.statusNow().isMembershipCommitted)
    await cluster.runUntil(() => cluster.entries('n4').join() === 'a')
    const [removed] = cluster.followers(leader)
    const id = removed?.id ?? ''
    await cluster.runUntilSettled(leader.changeMembership({ remove: [id] }))
    assert.ok(!leader.statusNow().membership.voters.includes(id))
    await cluster.runUntil(() => cluster.eventsOf(id, 'removed').length > 0)
    assert.equal(await cluster.runUntilSettled(leader.propose('b')), 2)
    cluster.crash(id)
    await assert.rejects(cluster.start(id), { code: 'ERR_RAFT_REMOVED' })
  })

  it('stops if it was removed while it was down, and most of its peers report it', async () => {
    cluster = new VirtualCluster('n1 n2 n3')
    await cluster.startAll()
    const leader = await cluster.leader()
    await cluster.runUntilSettled(leader.propose('a'))
    const id = cluster.followers(leader)[0]?.id ?? ''
    cluster.crash(id)
    await cluster.advance(100)
    await cluster.runUntilSettled(leader.changeMembership({ remove: [id] }))
    await cluster.advance(60_000)
    const returned = await cluster.start(id)
    assert.equal((await cluster.runUntilSettled(returned.failed)).code, 'ERR_RAFT_REMOVED')
    assert.equal(await cluster.runUntilSettled(leader.propose('b')), 2)
  })

  it('replaces a member that lost its disk, under the same id', async () => {
    cluster = new VirtualCluster('n1 n2 n3')
    await cluster.startAll()
    const leader = await cluster.leader()
    const { clusterId } = leader.statusNow()
    await cluster.runUntilSettled(leader.propose('a'))
    const id = cluster.followers(leader)[0]?.id ?? ''
    cluster.crash(id)
    cluster.wipe(id)
    await cluster.advance(100)
    await cluster.runUntilSettled(leader.changeMembership({ remove: [id] }))
    await cluster.runUntilSettled(leader.changeMembership({ add: [{ id, address: `memory:${id}`, promote: true }] }))
    await cluster.start(id, { join: true, cluster: clusterId })
    await cluster.runUntil(() => leader.statusNow().membership.voters.includes(id))
    await cluster.runUntil(() => cluster.entries(id).join() === 'a')
    const bound = leader.statusNow().membership.members.find((member) => member.id === id)
    assert.equal(bound?.directoryId, 'another-disk')
  })

  it('rejects a membership change as unknown when it stops waiting', async () => {
    cluster = new VirtualCluster('n1 n2 n3', { checkQuorum: false })
    await cluster.startAll()
    const leader = await cluster.leader()
    cluster.isolate(leader.id)
    const first = leader.changeMembership({ remove: ['n2'] }, { timeoutMs: 300 })
    const second = leader.changeMembership({ remove: ['n3'] }, { timeoutMs: 300 })
    second.catch(() => undefined)
    await assert.rejects(cluster.runUntilSettled(first), { code: 'ERR_RAFT_OUTCOME_UNKNOWN', outcome: 'unknown' })
    await assert.rejects(second, { outcome: 'not-applied' })
  })

  it('reports events as a stream, and the number of dropped ones to a slow reader', async () => {
    cluster = new VirtualCluster('n1', { eventBufferMax: 3 })
    const node = await cluster.start('n1')
    const stopping = new AbortController()
    const stream = node.events({ signal: stopping.signal })
    await cluster.leader()
    await cluster.runUntil(() => stream.dropped > 0)
    stopping.abort()
    const types: string[] = []
    for await (const event of stream) types.push(event.type)
    assert.equal(types.length, 3)
  })

  it('waits for a status, until the timeout', async () => {
    cluster = new VirtualCluster('n1')
    const node = await cluster.start('n1')
    assert.equal((await cluster.runUntilSettled(node.until(({ role }) => role === 'leader'))).role, 'leader')
    await assert.rejects(cluster.runUntilSettled(node.until(({ term }) => term > 9, { timeoutMs: 100 })), {
      code: 'ERR_RAFT_TIMEOUT',
    })
  })
})
