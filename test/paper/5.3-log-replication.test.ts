import assert from 'node:assert/strict'
import type { Message } from '../../src/core/index.ts'
import {
  acknowledgeAll,
  appendRejection,
  appendRequest,
  appendResponse,
  blocksOf,
  followerOf,
  leaderOf,
  messagesTo,
  noopBlock,
  ofType,
  only,
  readyLeaderOf,
  type TestNode,
} from '../core/builders.ts'

describe('§5.3 Log replication', () => {
  // "The leader appends the command to its log as a new entry, then issues AppendEntries RPCs in parallel to each of the other servers."
  it('a leader appends a proposal and sends it to all followers', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    const { messages, settled } = leader.propose(3)
    assert.deepEqual(settled, [{ type: 'accepted', proposal: 1, first: 2, term: 2 }])
    assert.deepEqual(
      messages.map(({ to }) => to),
      ['b', 'c'],
    )
    for (const { prevIndex, prevTerm, blocks, commitIndex } of ofType('AppendEntriesRequest', messages)) {
      assert.deepEqual([prevIndex, prevTerm, commitIndex], [1, 2, 1])
      assert.deepEqual(
        blocks.map(({ first, count, term }) => [first, count, term]),
        [[2, 3, 2]],
      )
    }
  })

  // Thesis §10.2.1: "the leader may even … write to its disk in parallel with replicating to the followers".
  it('a leader sends entries while it writes them to its own disk', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    const { send, persist } = leader.step({
      type: 'propose',
      proposal: 1,
      count: 1,
      size: 1,
      checksum: 7,
      payload: 'x',
    })
    assert.equal(send.length, 2)
    assert.deepEqual([persist?.blocks.length, persist?.then, persist?.blocks[0]?.payload], [1, [], 'x'])
  })

  // Thesis §10.2.1: "the leader may even commit an entry before it has been written to the leader’s own disk".
  it('a leader may commit an entry before its own write, and applies it only after the write', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    leader.step({ type: 'propose', proposal: 1, count: 1, size: 1, checksum: 7, payload: undefined })
    const [b, c] = ['b', 'c'].map(
      (from) => ({ type: 'receive', from, message: appendResponse({ term: 2, match: 2 }) }) as const,
    )
    const { apply } = leader.step(b as never, c as never)
    assert.deepEqual([leader.status.commitIndex, apply], [2, undefined])
    leader.settle()
    assert.equal(leader.status.appliedIndex, 2)
  })

  it('a leader counts its own disk as one acknowledgement, and only once the entry is durable', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    leader.step({ type: 'propose', proposal: 1, count: 1, size: 1, checksum: 7, payload: undefined })
    leader.step({ type: 'receive', from: 'b', message: appendResponse({ term: 2, match: 2 }) })
    assert.equal(leader.status.commitIndex, 1)
    leader.settle()
    assert.equal(leader.status.commitIndex, 2)
  })

  // "The leader retries AppendEntries RPCs indefinitely … until all followers eventually store all log entries."
  it('a leader sends unacknowledged entries again with every heartbeat', () => {
    const leader = readyLeaderOf('a b c', { term: 2, options: { checkQuorum: false } })
    leader.process({ type: 'peerLost', peer: 'b' })
    leader.propose()
    acknowledgeAll(leader, 'c')
    for (let beat = 0; beat < 100; beat++) {
      const output = leader.wait(leader.options.heartbeatIntervalMs)
      const [request] = messagesTo('b', output) as Extract<Message, { type: 'AppendEntriesRequest' }>[]
      assert.deepEqual([request?.prevIndex, request?.blocks.length], [1, 1])
    }
  })

  for (const { members, acked, commit } of [
    { members: 'a', acked: '', commit: 2 },
    { members: 'a b c', acked: '', commit: 1 },
    { members: 'a b c', acked: 'b', commit: 2 },
    { members: 'a b c d', acked: 'b', commit: 1 },
    { members: 'a b c d', acked: 'b d', commit: 2 },
    { members: 'a b c d e', acked: 'b', commit: 1 },
    { members: 'a b c d e', acked: 'b e', commit: 2 },
    { members: 'a b +c', acked: 'c', commit: 1 },
  ]) {
    // "A log entry is committed once the leader … has replicated it on a majority of the servers."
    it(`the commit index of (${members}) after acknowledgements from [${acked}] is ${commit}`, () => {
      const leader = readyLeaderOf(members, { term: 2 })
      leader.propose()
      for (const peer of acked.split(' ').filter(Boolean)) acknowledgeAll(leader, peer)
      assert.equal(leader.status.commitIndex, commit)
    })
  }

  // "This also commits all preceding entries in the leader’s log, including entries created by previous leaders."
  it('committing an entry commits all preceding entries', () => {
    const leader = leaderOf('a b c', { term: 4, log: '1 1 2', commit: 0 })
    acknowledgeAll(leader, 'b')
    assert.deepEqual([leader.status.commitIndex, leader.status.appliedIndex], [4, 4])
  })

  // "The leader … includes that index in future AppendEntries RPCs (including heartbeats) …"
  it('a leader sends its commit index with every heartbeat', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    leader.propose()
    acknowledgeAll(leader, 'b')
    const { messages } = leader.wait(leader.options.heartbeatIntervalMs)
    for (const { commitIndex } of ofType('AppendEntriesRequest', messages)) assert.equal(commitIndex, 2)
    assert.equal(ofType('AppendEntriesRequest', messages).length, 2)
  })

  // "Once a follower learns that a log entry is committed, it applies the entry to its local state machine (in log order)."
  it('a follower applies committed entries in log order once they are durable', () => {
    const follower = followerOf('a b c', { term: 2 })
    const { apply } = follower.step({
      type: 'receive',
      from: 'b',
      message: appendRequest({ term: 2, prev: '0@0', entries: '1 2x2', commit: 1 }),
    })
    assert.deepEqual([apply, follower.status.commitIndex], [undefined, 1])
    follower.settle()
    assert.equal(follower.status.appliedIndex, 1)
    const heartbeat = appendRequest({ term: 2, prev: '3@2', commit: 3 })
    assert.deepEqual(follower.step({ type: 'receive', from: 'b', message: heartbeat }).apply, { from: 2, to: 4 })
  })

  it('blocks are committed and applied as a whole', () => {
    const follower = followerOf('a b c', { term: 2 })
    follower.receive('b', appendRequest({ term: 2, prev: '0@0', entries: '1 2x3', commit: 3 }))
    assert.equal(follower.status.commitIndex, 1)
  })

  for (const { log, prev, isAccepted } of [
    { log: '1 2', prev: '0@0', isAccepted: true },
    { log: '1 2', prev: '1@1', isAccepted: true },
    { log: '1 2', prev: '2@2', isAccepted: true },
    { log: '1 2', prev: '2@3', isAccepted: false },
    { log: '1 2', prev: '1@2', isAccepted: false },
    { log: '1 2', prev: '3@2', isAccepted: false },
    { log: '', prev: '1@1', isAccepted: false },
  ]) {
    // "If the follower does not find an entry in its log with the same index and term, then it refuses the new entries."
    it(`a follower with [${log}] ${isAccepted ? 'accepts' : 'rejects'} entries after ${prev}`, () => {
      const follower = followerOf('a b c', { term: 3, log })
      const answers = follower.receive('b', appendRequest({ term: 3, prev, entries: '3' }))
      assert.equal(only('AppendEntriesResponse', answers).isAccepted, isAccepted)
      if (!isAccepted) assert.equal(follower.log, log)
    })
  }

  for (const { log, prev, entries, then } of [
    { log: '1 2', prev: '2@2', entries: '3', then: '1 2 3' },
    { log: '1 2', prev: '1@1', entries: '3 4', then: '1 3 4' },
    { log: '1 2 3', prev: '0@0', entries: '4', then: '4' },
    { log: '1 2', prev: '0@0', entries: '1 2 3', then: '1 2 3' },
    // Matching entries stay, even if the message is shorter than the log.
    { log: '1 2 3', prev: '0@0', entries: '1', then: '1 2 3' },
    { log: '1 2 3', prev: '1@1', entries: '', then: '1 2 3' },
    { log: '1 2 3', prev: '1@1', entries: '2', then: '1 2 3' },
    { log: '1 2x3', prev: '1@1', entries: '3', then: '1 3' },
  ]) {
    // "If an existing entry conflicts with a new one …, delete the existing entry and all that follow it."
    it(`a follower with [${log}] that receives [${entries}] after ${prev} has [${then}]`, () => {
      const follower = followerOf('a b c', { term: 4, log })
      follower.receive('b', appendRequest({ term: 4, prev, entries }))
      assert.equal(follower.log, then)
    })
  }

  it('truncation, append and term are one atomic write', () => {
    const follower = followerOf('a b c', { term: 3, log: '1 2 2' })
    const { persist } = follower.step({
      type: 'receive',
      from: 'b',
      message: appendRequest({ term: 4, prev: '1@1', entries: '4 4' }),
    })
    assert.deepEqual(
      [persist?.truncateAfter, persist?.blocks.map(({ first }) => first), persist?.hardState?.term],
      [1, [2, 3], 4],
    )
  })

  it('a pending write does not make truncated entries durable', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    const append = appendRequest({ term: 2, prev: '0@0', entries: '2 2' })
    const earlier = follower.step({ type: 'receive', from: 'b', message: append }).persist?.number as number
    const other = appendRequest({ term: 3, prev: '0@0', entries: '3 3' })
    follower.step({ type: 'receive', from: 'c', message: other })
    follower.step({ type: 'persisted', number: earlier })
    assert.equal(follower.status.persistedIndex, 0)
  })

  it('a follower acknowledges an entry only after it is durable', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    const append = appendRequest({ term: 2, prev: '0@0', entries: '2 2' })
    const { send, persist } = follower.step({ type: 'receive', from: 'b', message: append })
    assert.deepEqual(send, [])
    assert.deepEqual(persist?.then, [
      { to: 'b', message: appendResponse({ term: 2, match: 2, chain: follower.state.log.chainAt(2) }) },
    ])
  })

  it('a follower responds to a heartbeat at once and acknowledges only durable entries', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b', log: '1' })
    follower.step({ type: 'receive', from: 'b', message: appendRequest({ term: 2, prev: '1@1', entries: '2 2' }) })
    const { send } = follower.step({
      type: 'receive',
      from: 'b',
      message: appendRequest({ term: 2, prev: '3@2', round: 7 }),
    })
    assert.deepEqual(send, [
      { to: 'b', message: appendResponse({ term: 2, match: 1, chain: follower.state.log.chainAt(1), round: 7 }) },
    ])
  })

  it('a follower acknowledges repeated entries again once they are durable', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    const append = appendRequest({ term: 2, prev: '0@0', entries: '2 2' })
    follower.step({ type: 'receive', from: 'b', message: append })
    const { send, persist } = follower.step({ type: 'receive', from: 'b', message: append })
    assert.deepEqual([send, persist?.blocks], [[], []])
    assert.equal(ofType('AppendEntriesResponse', follower.settle().messages).length, 2)
  })

  // Figure 2: "If leaderCommit > commitIndex, set commitIndex = min(leaderCommit, index of last new entry)."
  it('a follower commits no further than the last entry that the message proves equal', () => {
    const follower = followerOf('a b c', { term: 3, log: '1 2 2' })
    follower.receive('b', appendRequest({ term: 3, prev: '1@1', commit: 3 }))
    assert.equal(follower.status.commitIndex, 1) // The entries 2@2 and 3@2 may conflict with the leader's.
    follower.receive('b', appendRequest({ term: 3, prev: '1@1', entries: '3', commit: 9 }))
    assert.equal(follower.status.commitIndex, 2)
  })

  it('an old message never decreases the commit index', () => {
    const follower = followerOf('a b c', { term: 3, log: '1 2 2', commit: 2 })
    follower.receive('b', appendRequest({ term: 3, prev: '0@0', commit: 1 }))
    assert.equal(follower.status.commitIndex, 2)
  })
})

describe('§5.3 Log replication: the consistency check and log repair', () => {
  // "When a leader first comes to power, it initializes all nextIndex values to the index just after the last one in its log."
  it('a new leader sets all next indexes to one past its log', () => {
    const leader = leaderOf('a b c', { term: 4, log: '1 1 2' })
    assert.deepEqual(
      leader.status.peers.map(({ nextIndex, matchIndex }) => [nextIndex, matchIndex]),
      [
        [4, 0],
        [4, 0],
      ],
    )
  })

  // "After a rejection, the leader decrements nextIndex and retries the AppendEntries RPC."
  it('a leader probes at the hint of a rejection', () => {
    const leader = leaderOf('a b c', { term: 4, log: '1 1 2' })
    const answers = leader.receive('b', appendRejection({ term: 4, prev: 3, hint: '1@1' }))
    const { prevIndex, prevTerm, blocks } = only('AppendEntriesRequest', answers)
    assert.deepEqual([prevIndex, prevTerm], [1, 1])
    assert.deepEqual(
      blocks.map(({ first }) => first),
      [2, 3, 4],
    )
  })

  // "Once AppendEntries succeeds, the follower’s log is consistent with the leader’s …"
  it('a leader pipelines entries to a follower after its first acknowledgement', () => {
    const leader = leaderOf('a b c', { term: 4, log: '1 1 2' })
    leader.receive('b', appendResponse({ term: 4, match: 4 }))
    assert.deepEqual(
      leader.status.peers.map(({ state, matchIndex }) => [state, matchIndex]),
      [
        ['replicate', 4],
        ['probe', 0],
      ],
    )
  })

  it('a late rejection does not decrease the match index', () => {
    const leader = readyLeaderOf('a b c', { term: 4, log: '1 1 2' })
    assert.deepEqual(leader.receive('b', appendRejection({ term: 4, prev: 3, hint: '0@0' })), [])
    assert.equal(leader.status.peers[0]?.matchIndex, 4)
  })

  it('a rejection of a probe other than the pending one changes nothing', () => {
    const leader = leaderOf('a b c', { term: 4, log: '1 1 2' })
    assert.deepEqual(leader.receive('b', appendRejection({ term: 4, prev: 2, hint: '0@0' })), [])
    assert.equal(leader.status.peers[0]?.nextIndex, 4)
  })

  it('a late acknowledgement does not decrease the match index', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    leader.propose()
    acknowledgeAll(leader, 'b')
    leader.receive('b', appendResponse({ term: 2, match: 1 }))
    assert.equal(leader.status.peers[0]?.matchIndex, 2)
  })

  for (const { log, prev, hint } of [
    { log: '1 1 1', prev: '5@4', hint: '3@1' }, // The log is too short: hint at its end.
    { log: '1 1 4 4 4', prev: '5@3', hint: '2@1' }, // The log has a higher term there: skip all entries of that term.
    { log: '1 2 2 2', prev: '3@3', hint: '3@2' }, // The log has a lower term there: hint at that index.
    { log: '4 4 4', prev: '2@3', hint: '0@0' },
  ]) {
    it(`a follower with [${log}] rejects a probe at ${prev} with the hint ${hint}`, () => {
      const follower = followerOf('a b c', { term: 5, log })
      const answer = only('AppendEntriesResponse', follower.receive('b', appendRequest({ term: 5, prev })))
      assert.deepEqual([answer.isAccepted, `${answer.hintIndex}@${answer.hintTerm}`], [false, hint])
    })
  }

  for (const { name, log, leaderLog = '1 1 1 4 4 5 5 6 6 6' } of [
    { name: 'a', log: '1 1 1 4 4 5 5 6 6' },
    { name: 'b', log: '1 1 1 4' },
    { name: 'c', log: '1 1 1 4 4 5 5 6 6 6 6' },
    { name: 'd', log: '1 1 1 4 4 5 5 6 6 6 7 7' },
    { name: 'e', log: '1 1 1 4 4 4 4' },
    { name: 'f', log: '1 1 1 2 2 2 3 3 3 3 3' },
    { name: 'f, in blocks', log: '1x3 2x3 3x5', leaderLog: '1x3 4x2 5x2 6x3' },
  ]) {
    // Figure 7: "the leader handles inconsistencies by forcing the followers’ logs to duplicate its own".
    it(`a leader repairs the log of Figure 7 (${name}) with about one probe per term`, () => {
      const leader = leaderOf('a b c', { term: 8, log: leaderLog })
      const follower = followerOf('a b c', { id: 'b', term: 7, log })
      const probes = catchUp(leader, follower)
      assert.equal(follower.log, leader.log)
      const terms = new Set(log.split(' ').map((word) => word.split('x')[0])).size
      assert.ok(probes <= terms + 2, `${probes} probes for ${terms} terms`)
    })
  }

  // Leader Append-Only: "a leader never overwrites or deletes entries in its log; it only appends new entries".
  it('a leader only appends to its log', () => {
    const leader = readyLeaderOf('a b c', { term: 4, log: '1 1 2' })
    leader.receive('b', appendRequest({ term: 4, prev: '0@0', entries: '4' }))
    leader.receive('b', appendRejection({ term: 4, prev: 4, hint: '0@0' }))
    leader.propose()
    assert.equal(leader.log, '1 1 2 4 4')
  })

  // §5.5: "Raft RPCs are idempotent."
  it('a repeated AppendEntries has no further effect', () => {
    const follower = followerOf('a b c', { term: 3, log: '1 2 2' })
    const append = appendRequest({ term: 3, prev: '1@1', entries: '3 3', commit: 2 })
    follower.receive('b', append)
    const { log, status } = follower
    const message = appendResponse({ term: 3, match: 3, chain: follower.state.log.chainAt(3) })
    assert.deepEqual(follower.receive('b', append), [{ to: 'b', message }])
    assert.deepEqual([follower.log, follower.status], [log, status])
  })

  // §5.5: "if a follower receives an AppendEntries request that includes log entries already present in its log, it ignores those entries".
  it('a follower does not write entries that it already has', () => {
    const follower = followerOf('a b c', { term: 3, log: '1 2 3' })
    const { persist } = follower.step({
      type: 'receive',
      from: 'b',
      message: appendRequest({ term: 3, prev: '0@0', entries: '1 2 3 3' }),
    })
    assert.deepEqual([persist?.truncateAfter, persist?.blocks.map(({ first }) => first)], [undefined, [4]])
  })
})

describe('thesis §10.2.2 Pipelining', () => {
  // "The leader can … send the next entry without waiting for acknowledgement of the last."
  it('a leader sends entries without waiting for acknowledgements, up to inflightMessagesMax', () => {
    const leader = readyLeaderOf('a b c', { term: 2, options: { inflightMessagesMax: 2 } })
    const counts = [1, 2, 3].map(() => messagesTo('b', leader.propose()).length)
    assert.deepEqual(counts, [1, 1, 0])
    assert.equal(messagesTo('b', { messages: leader.receive('b', appendResponse({ term: 2, match: 2 })) }).length, 1)
  })

  it('a leader limits the bytes in flight, and still sends a single larger block', () => {
    const leader = readyLeaderOf('a b c', { term: 2, options: { inflightBytesMax: 100, messageBytesMax: 50 } })
    assert.equal(messagesTo('b', leader.propose(1, 500)).length, 1)
    assert.equal(messagesTo('b', leader.propose(1, 1)).length, 0)
  })

  it('a leader packs as many blocks into a message as fit', () => {
    const leader = leaderOf('a b c', { term: 2, log: blocksOf('1x3 1x3 1x3'), options: { messageBytesMax: 60 } })
    const messages = leader.receive('b', appendRejection({ term: 2, prev: 9, hint: '0@0' }))
    assert.deepEqual(
      only('AppendEntriesRequest', messages).blocks.map(({ first }) => first),
      [1, 4],
    )
  })

  it('a leader sends one message at a time to a follower whose log it does not know', () => {
    const leader = leaderOf('a b c', { term: 2 })
    assert.deepEqual(messagesTo('b', leader.propose()), [])
  })

  it('a leader sends lost entries again after the rejection of the next message', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    const follower = followerOf('a b c', { id: 'b', term: 2, log: [noopBlock(1, 2)] })
    leader.propose()
    const [second] = messagesTo('b', leader.propose())
    const rejections = follower.receive('a', second as Message).map(({ message }) => message)
    const [again] = messagesTo('b', { messages: leader.receive('b', ...rejections) })
    const answers = follower.receive('a', again as Message).map(({ message }) => message)
    leader.receive('b', ...answers)
    assert.equal(follower.log, '2 2 2')
    assert.equal(leader.status.commitIndex, 3)
  })
})

/** Exchanges messages until the logs match, and returns the number of probes. */
function catchUp(leader: TestNode, follower: TestNode): number {
  let probes = 0
  let messages = messagesTo('b', { messages: leader.wait(leader.options.heartbeatIntervalMs).messages })
  while (follower.log !== leader.log) {
    assert.ok(probes++ < 20, 'the logs match after a few probes')
    const answers = follower.receive('a', ...messages).map(({ message }) => message)
    messages = messagesTo('b', { messages: leader.receive('b', ...answers) })
  }
  return probes
}
