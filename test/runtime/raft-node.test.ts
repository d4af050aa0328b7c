import assert from 'node:assert/strict'
import { RaftError } from '../../src/errors.ts'
import { VirtualCluster } from './virtual-cluster.ts'

describe('a node among others', () => {
  let world: VirtualCluster

  afterEach(async () => {
    await world.close()
  })

  it('resolves a proposal with the machine’s result, and every node applies it', async () => {
    world = new VirtualCluster('n1 n2 n3')
    await world.startAll()
    const leader = await world.leader()
    assert.equal(await world.runUntilSettled(leader.propose('a')), 1)
    assert.equal(await world.runUntilSettled(leader.propose('b')), 2)
    await world.runUntil(() => ['n1', 'n2', 'n3'].every((id) => world.entries(id).join('') === 'ab'))
  })

  it('puts all proposals of one turn into one block', async () => {
    world = new VirtualCluster('n1')
    const node = await world.start('n1')
    await world.leader()
    const before = node.statusNow().lastIndex
    const results = await world.runUntilSettled(Promise.all(['a', 'b', 'c'].map((command) => node.propose(command))))
    assert.deepEqual(results, [1, 2, 3])
    const blocks = world.disks.get('n1')?.view.log.blocks ?? []
    assert.deepEqual(
      blocks.filter(({ kind, first }) => kind === 'commands' && first > before).map(({ count }) => count),
      [3],
    )
  })

  it('rejects a proposal to a follower, and names the leader and its address', async () => {
    world = new VirtualCluster('n1 n2 n3')
    await world.startAll()
    const leader = await world.leader()
    const [follower] = world.followers(leader)
    await world.runUntil(() => follower?.statusNow().leader)
    await assert.rejects(world.runUntilSettled(follower?.propose('a') ?? Promise.resolve(0)), {
      code: 'ERR_RAFT_NOT_LEADER',
      outcome: 'not-applied',
      retryable: true,
      leader: { id: leader.id, address: `memory:${leader.id}`, term: 1 },
    })
  })

  it('rejects a proposal while no leader is known', async () => {
    world = new VirtualCluster('n1 n2 n3')
    const node = await world.start('n1')
    await assert.rejects(world.runUntilSettled(node.propose('a')), {
      code: 'ERR_RAFT_NO_LEADER',
      outcome: 'not-applied',
    })
  })

  it('ends a proposal as unknown at its deadline when no quorum answers', async () => {
    world = new VirtualCluster('n1 n2 n3', { checkQuorum: false })
    await world.startAll()
    const leader = await world.leader()
    world.isolate(leader.id)
    const startedAt = world.time.nowUs
    await assert.rejects(world.runUntilSettled(leader.propose('a', { timeoutMs: 300 })), {
      code: 'ERR_RAFT_OUTCOME_UNKNOWN',
      outcome: 'unknown',
      retryable: false,
    })
    assert.ok(world.time.nowUs - startedAt <= 310_000)
  })

  it('tells a deposed leader’s caller that its entry was overwritten, once another is committed in its place', async () => {
    world = new VirtualCluster('n1 n2 n3')
    await world.startAll()
    const deposed = await world.leader()
    world.isolate(deposed.id)
    const lost = deposed.propose('lost', { timeoutMs: 60_000 })
    lost.catch(() => undefined)
    const leader = await world.leader(deposed)
    await world.runUntilSettled(leader.propose('kept'))
    world.rejoin(deposed.id)
    await assert.rejects(world.runUntilSettled(lost), { code: 'ERR_RAFT_ENTRY_OVERWRITTEN', outcome: 'not-applied' })
    await world.runUntil(() => world.entries(deposed.id).join() === 'kept')
  })

  it('still learns that a proposal was applied when leadership was lost before its commit was known', async () => {
    world = new VirtualCluster('n1 n2 n3')
    await world.startAll()
    const leader = await world.leader()
    const result = leader.propose('a', { timeoutMs: 60_000 })
    await world.runUntil(() => leader.statusNow().peers.some(({ matchIndex }) => matchIndex > 0))
    await world.runUntil(() =>
      world.followers(leader).some((node) => node.statusNow().persistedIndex >= leader.statusNow().lastIndex),
    )
    world.isolate(leader.id)
    await world.leader(leader)
    world.rejoin(leader.id)
    assert.equal(await world.runUntilSettled(result), 1)
  })

  it('gives up waiting when its signal is aborted: not applied before the core heard of it, unknown after', async () => {
    world = new VirtualCluster('n1 n2 n3', { checkQuorum: false })
    await world.startAll()
    const leader = await world.leader()
    world.isolate(leader.id)
    const early = new AbortController()
    const queued = leader.propose('a', { signal: early.signal })
    early.abort('enough')
    await assert.rejects(queued, { code: 'ERR_RAFT_ABORTED', outcome: 'not-applied', cause: 'enough' })
    const late = new AbortController()
    const accepted = leader.propose('b', { signal: late.signal })
    accepted.catch(() => undefined)
    await world.advance(10)
    late.abort()
    await assert.rejects(accepted, { code: 'ERR_RAFT_OUTCOME_UNKNOWN', outcome: 'unknown' })
    await assert.rejects(leader.propose('c', { signal: late.signal }), { code: 'ERR_RAFT_ABORTED' })
  })

  it('rejects a command that is too large, by name and number of the limit', async () => {
    world = new VirtualCluster('n1', { commandBytesMax: 10 })
    const node = await world.start('n1')
    await assert.rejects(node.propose('12345678901'), {
      code: 'ERR_RAFT_TOO_LARGE',
      message: 'the command has 13 bytes, more than commandBytesMax (10)',
    })
  })

  it('rejects what comes on top of the most proposals that may wait', async () => {
    world = new VirtualCluster('n1 n2 n3', { pendingProposalsMax: 2, checkQuorum: false })
    await world.startAll()
    const leader = await world.leader()
    world.isolate(leader.id)
    const waiting = [leader.propose('a'), leader.propose('b')]
    for (const one of waiting) one.catch(() => undefined)
    await assert.rejects(leader.propose('c'), {
      code: 'ERR_RAFT_OVERLOADED',
      details: { limit: 'pendingProposalsMax', value: 3, max: 2 },
    })
    assert.equal(leader.statusNow().pendingProposals, 2)
  })

  it('reads on any node what was acknowledged before, and says local reads may be old', async () => {
    world = new VirtualCluster('n1 n2 n3')
    await world.startAll()
    const leader = await world.leader()
    await world.runUntilSettled(leader.propose('a'))
    for (const node of world.nodes.values())
      assert.deepEqual(await world.runUntilSettled(node.read(() => [...world.entries(node.id)])), ['a'])
    const [cutOff] = world.followers(leader)
    world.isolate(cutOff?.id ?? '')
    await world.runUntilSettled(leader.propose('b'))
    assert.deepEqual(
      await world.runUntilSettled(
        cutOff?.read(() => [...world.entries(cutOff.id)], { mode: 'local' }) ?? Promise.resolve([]),
      ),
      ['a'],
    )
    await assert.rejects(world.runUntilSettled(cutOff?.read(() => 0, { timeoutMs: 400 }) ?? Promise.resolve(0)), {
      outcome: 'not-applied',
    })
  })

  it('lets a reader wait while nobody leads, and tells a client of the network at once', async () => {
    world = new VirtualCluster('n1 n2 n3')
    const node = await world.start('n1')
    const early = node.read(() => 'answer')
    await assert.rejects(world.runUntilSettled(node.queryBytes(Buffer.from('"a"'))), { code: 'ERR_RAFT_NO_LEADER' })
    await assert.rejects(world.runUntilSettled(node.read(() => 0, { timeoutMs: 200 })), { code: 'ERR_RAFT_NO_LEADER' })
    await world.start('n2')
    assert.equal(await world.runUntilSettled(early), 'answer')
  })

  it('hands a reader the error its own query threw', async () => {
    world = new VirtualCluster('n1')
    const node = await world.start('n1')
    await world.leader()
    const query = (): never => {
      throw new RangeError('mine')
    }
    await assert.rejects(world.runUntilSettled(node.read(query)), new RangeError('mine'))
  })

  it('takes commands and queries as bytes, and refuses bytes that it cannot decode', async () => {
    world = new VirtualCluster('n1')
    const node = await world.start('n1')
    await world.runUntil(() => node.statusNow().membership.members[0]?.directoryId !== '')
    await world.runUntil(() => node.statusNow().isMembershipCommitted)
    const landed = node.statusNow().lastIndex + 1
    const { index, term, result } = await world.runUntilSettled(node.proposeBytes(Buffer.from('"abc"')))
    assert.deepEqual([index, term, Buffer.from(result).toString()], [landed, 1, '1'])
    const { answer, appliedIndex } = await world.runUntilSettled(node.queryBytes(Buffer.from('"a"')))
    assert.deepEqual([Buffer.from(answer).toString(), appliedIndex], ['1', index])
    await assert.rejects(node.proposeBytes(Buffer.from('{')), { code: 'ERR_RAFT_BAD_MESSAGE', outcome: 'not-applied' })
    await assert.rejects(node.queryBytes(Buffer.from('{')), { code: 'ERR_RAFT_BAD_MESSAGE', outcome: 'not-applied' })
  })

  it('stops for good when its machine throws, with the index and the stack, and skips nothing', async () => {
    world = new VirtualCluster('n1')
    const node = await world.start('n1')
    await world.leader()
    await world.runUntilSettled(node.propose('a'))
    const boom = node.propose('boom')
    const after = node.propose('after')
    for (const one of [boom, after]) one.catch(() => undefined)
    const failure = await world.runUntilSettled(node.failed)
    assert.equal(failure.code, 'ERR_RAFT_APPLY')
    assert.match(failure.message, /threw at index \d+ .*boom[\s\S]*at Journal\.apply/)
    await assert.rejects(boom, { code: 'ERR_RAFT_OUTCOME_UNKNOWN' })
    await assert.rejects(after, { code: 'ERR_RAFT_OUTCOME_UNKNOWN' })
    await assert.rejects(node.propose('more'), { code: 'ERR_RAFT_CLOSED', outcome: 'not-applied' })
    assert.deepEqual(world.entries('n1'), ['a'])
    await world.advance(10)
    assert.match(node.statusNow().stopped ?? '', /boom/)
    assert.equal(world.eventsOf('n1', 'failed').length, 1)
  })

  it('stops for good when a write fails, and lets another node lead', async () => {
    world = new VirtualCluster('n1 n2 n3')
    await world.startAll()
    const leader = await world.leader()
    await world.runUntilSettled(leader.propose('a'))
    world.disks.get(leader.id)?.failWrites(new RaftError('ERR_RAFT_STORAGE', 'EIO: the disk is gone'))
    await assert.rejects(world.runUntilSettled(leader.propose('b')), { code: 'ERR_RAFT_OUTCOME_UNKNOWN' })
    assert.equal((await leader.failed).code, 'ERR_RAFT_STORAGE')
    const successor = await world.leader(leader)
    await world.runUntilSettled(successor.propose('c'))
    assert.equal(leader.statusNow().role, 'follower')
    assert.match(leader.statusNow().stopped ?? '', /the disk is gone/)
  })

  it('recovers vote, log and machine after a crash of all', async () => {
    world = new VirtualCluster('n1 n2 n3')
    await world.startAll()
    const leader = await world.leader()
    for (const command of ['a', 'b', 'c']) await world.runUntilSettled(leader.propose(command))
    const { term } = leader.statusNow()
    for (const id of ['n1', 'n2', 'n3']) world.crash(id)
    await world.startAll()
    const successor = await world.leader()
    assert.ok(successor.statusNow().term > term)
    assert.equal(await world.runUntilSettled(successor.propose('d')), 4)
    await world.runUntil(() => ['n1', 'n2', 'n3'].every((id) => world.entries(id).join('') === 'abcd'))
  })

  it('takes a snapshot while commands go on, and starts from it', async () => {
    world = new VirtualCluster('n1', { snapshotEntries: 10, trailingEntries: 2 })
    const node = await world.start('n1')
    await world.leader()
    for (let n = 0; n < 25; n++) await world.runUntilSettled(node.propose(`c${n}`))
    await world.runUntil(() => node.statusNow().snapshotIndex >= 20)
    assert.ok(node.statusNow().firstIndex > 10)
    world.crash('n1')
    const again = await world.start('n1')
    await world.leader()
    assert.equal(await world.runUntilSettled(again.propose('last')), 26)
    assert.equal(world.entries('n1')[0], 'c0')
    assert.equal(world.eventsOf('n1', 'restored').length, 1)
  })

  it('brings a follower that missed more than the log holds back by a snapshot', async () => {
    world = new VirtualCluster('n1 n2 n3', { snapshotEntries: 10, trailingEntries: 0, trailingBytesMax: 0 })
    await world.startAll()
    const leader = await world.leader()
    const [follower] = world.followers(leader)
    const id = follower?.id ?? ''
    world.crash(id)
    for (let n = 0; n < 40; n++) await world.runUntilSettled(leader.propose(`c${n}`))
    await world.runUntil(() => leader.statusNow().firstIndex > 20)
    await world.start(id)
    await world.runUntil(() => world.entries(id).length === 40)
    assert.ok(world.eventsOf(id, 'fetchStarted').length >= 1)
    assert.ok(world.eventsOf(id, 'snapshotInstalled').length >= 1)
    assert.equal(await world.runUntilSettled(leader.propose('next')), 41)
    await world.runUntil(() => world.entries(id).length === 41)
  })

  it('binds the directories of all members, and refuses a wiped one under its old name', async () => {
    world = new VirtualCluster('n1 n2 n3')
    await world.startAll()
    const leader = await world.leader()
    await world.runUntil(() => leader.statusNow().membership.members.every(({ directoryId }) => directoryId !== ''))
    await world.runUntilSettled(leader.propose('a'))
    const [follower] = world.followers(leader)
    const id = follower?.id ?? ''
    world.crash(id)
    world.wipe(id)
    const wiped = await world.start(id)
    const failure = await world.runUntilSettled(wiped.failed)
    assert.equal(failure.code, 'ERR_RAFT_DIRECTORY_MISMATCH')
    assert.equal(wiped.statusNow().votedFor, undefined)
  })

  it('adds a node that has nothing, promotes it, removes another, and that one hears of it', async () => {
    world = new VirtualCluster('n1 n2 n3')
    await world.startAll()
    const leader = await world.leader()
    await world.runUntilSettled(leader.propose('a'))
    await world.start('n4', { join: true, cluster: leader.statusNow().clusterId })
    await world.runUntilSettled(leader.changeMembership({ add: [{ id: 'n4', address: 'memory:n4', promote: true }] }))
    await world.runUntil(() => leader.statusNow().membership.voters.includes('n4'))
    await world.runUntil(() => leader.statusNow().isMembershipCommitted)
    await world.runUntil(() => world.entries('n4').join() === 'a')
    const [leaving] = world.followers(leader)
    const id = leaving?.id ?? ''
    await world.runUntilSettled(leader.changeMembership({ remove: [id] }))
    assert.ok(!leader.statusNow().membership.voters.includes(id))
    await world.runUntil(() => world.eventsOf(id, 'removed').length > 0)
    assert.equal(await world.runUntilSettled(leader.propose('b')), 2)
    world.crash(id)
    await assert.rejects(world.start(id), { code: 'ERR_RAFT_REMOVED' })
  })

  it('stops when it was away while it was removed, and most of those it knew tell it so', async () => {
    world = new VirtualCluster('n1 n2 n3')
    await world.startAll()
    const leader = await world.leader()
    await world.runUntilSettled(leader.propose('a'))
    const id = world.followers(leader)[0]?.id ?? ''
    world.crash(id)
    await world.advance(100)
    await world.runUntilSettled(leader.changeMembership({ remove: [id] }))
    await world.advance(60_000)
    const returned = await world.start(id)
    assert.equal((await world.runUntilSettled(returned.failed)).code, 'ERR_RAFT_REMOVED')
    assert.equal(await world.runUntilSettled(leader.propose('b')), 2)
  })

  it('replaces a member that lost its disk by itself with a new one', async () => {
    world = new VirtualCluster('n1 n2 n3')
    await world.startAll()
    const leader = await world.leader()
    const cluster = leader.statusNow().clusterId
    await world.runUntilSettled(leader.propose('a'))
    const id = world.followers(leader)[0]?.id ?? ''
    world.crash(id)
    world.wipe(id)
    await world.advance(100)
    await world.runUntilSettled(leader.changeMembership({ remove: [id] }))
    await world.runUntilSettled(leader.changeMembership({ add: [{ id, address: `memory:${id}`, promote: true }] }))
    await world.start(id, { join: true, cluster })
    await world.runUntil(() => leader.statusNow().membership.voters.includes(id))
    await world.runUntil(() => world.entries(id).join() === 'a')
    const bound = leader.statusNow().membership.members.find((member) => member.id === id)
    assert.equal(bound?.directoryId, 'another-disk')
  })

  it('does not claim that a change it stopped waiting for will not happen', async () => {
    world = new VirtualCluster('n1 n2 n3', { checkQuorum: false })
    await world.startAll()
    const leader = await world.leader()
    world.isolate(leader.id)
    const first = leader.changeMembership({ remove: ['n2'] }, { timeoutMs: 300 })
    const second = leader.changeMembership({ remove: ['n3'] }, { timeoutMs: 300 })
    second.catch(() => undefined)
    await assert.rejects(world.runUntilSettled(first), { code: 'ERR_RAFT_OUTCOME_UNKNOWN', outcome: 'unknown' })
    await assert.rejects(second, { outcome: 'not-applied' })
  })

  it('tells a stream of events what happens, and a slow reader how much it missed', async () => {
    world = new VirtualCluster('n1', { eventBufferMax: 3 })
    const node = await world.start('n1')
    const stopping = new AbortController()
    const stream = node.events({ signal: stopping.signal })
    await world.leader()
    await world.runUntil(() => stream.dropped > 0)
    stopping.abort()
    const types: string[] = []
    for await (const event of stream) types.push(event.type)
    assert.equal(types.length, 3)
  })

  it('waits for a state, and no longer than it was told to', async () => {
    world = new VirtualCluster('n1')
    const node = await world.start('n1')
    assert.equal((await world.runUntilSettled(node.until(({ role }) => role === 'leader'))).role, 'leader')
    await assert.rejects(world.runUntilSettled(node.until(({ term }) => term > 9, { timeoutMs: 100 })), {
      code: 'ERR_RAFT_TIMEOUT',
    })
  })
})
