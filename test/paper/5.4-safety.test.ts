import assert from 'node:assert/strict'
import {
  acknowledgeAll,
  appendRequest,
  appendResponse,
  followerOf,
  leaderOf,
  only,
  preVoteRequest,
  voteRequest,
} from '../core/builders.ts'

describe('§5.4.1 Election restriction', () => {
  for (const { log, last, isGranted } of [
    // "If the logs have last entries with different terms, then the log with the later term is more up-to-date."
    { log: '1 1 2', last: '1@3', isGranted: true },
    { log: '1 1 2', last: '9@1', isGranted: false },
    // "If the logs end with the same term, then whichever log is longer is more up-to-date."
    { log: '1 1 2', last: '4@2', isGranted: true },
    { log: '1 1 2', last: '3@2', isGranted: true },
    { log: '1 1 2', last: '2@2', isGranted: false },
    { log: '', last: '0@0', isGranted: true },
    { log: '1', last: '0@0', isGranted: false },
  ]) {
    // "The voter denies its vote if its own log is more up-to-date than that of the candidate."
    it(`a voter with [${log}] ${isGranted ? 'grants' : 'denies'} its vote to a log that ends at ${last}`, () => {
      const voter = followerOf('a b c', { term: 3, log })
      assert.equal(only('RequestVoteResponse', voter.receive('b', voteRequest({ term: 4, last }))).isGranted, isGranted)
      assert.equal(voter.status.votedFor, isGranted ? 'b' : undefined)
      const preVoter = followerOf('a b c', { term: 3, log })
      assert.equal(
        only('PreVoteResponse', preVoter.receive('b', preVoteRequest({ term: 4, last }))).isGranted,
        isGranted,
      )
    })
  }

  it('a voter compares its whole log, including entries that are not durable yet', () => {
    const voter = followerOf('a b c', { term: 3, log: '1' })
    voter.step({ type: 'receive', from: 'c', message: appendRequest({ term: 3, prev: '1@1', entries: '3' }) })
    const request = voteRequest({ term: 4, last: '1@1', isTransfer: true })
    assert.equal(only('RequestVoteResponse', voter.receive('b', request)).isGranted, false)
  })
})

describe('§5.4.2 Committing entries from previous terms', () => {
  for (const { log, match, commit } of [
    { log: '1 2', match: 1, commit: 0 },
    { log: '1 2', match: 2, commit: 0 },
    { log: '1 2', match: 3, commit: 3 },
    { log: '1x2 3x4', match: 6, commit: 0 },
    { log: '1x2 3x4', match: 7, commit: 7 },
  ]) {
    // "Only log entries from the leader’s current term are committed by counting replicas …"
    it(`a leader with [${log}] and its no-op, matched up to ${match}, commits up to ${commit}`, () => {
      const leader = leaderOf('a b c', { term: 4, log })
      leader.receive('b', appendResponse({ term: 4, match }))
      assert.equal(leader.status.commitIndex, commit)
    })
  }

  it('a leader does not commit entries of earlier terms alone, even if every node has them', () => {
    const leader = leaderOf('a b c', { term: 4, log: '1 2', commit: 1 })
    for (const from of ['b', 'c']) leader.receive(from, appendResponse({ term: 4, match: 2 }))
    assert.deepEqual([leader.status.commitIndex, leader.status.appliedIndex], [1, 1])
  })

  // "… once an entry from the current term has been committed in this way, then all prior entries are committed indirectly."
  it('a leader commits entries of earlier terms together with one of its own term', () => {
    const leader = leaderOf('a b c d e', { term: 4, log: '1 2 2', commit: 0 })
    acknowledgeAll(leader, 'b')
    assert.equal(leader.status.commitIndex, 0)
    acknowledgeAll(leader, 'c')
    assert.equal(leader.status.commitIndex, 4)
  })

  // Figure 8 (c)–(d): s1 has 2@2 on a majority in term 4; s5, without it, may still be elected and overwrite it.
  it('an entry of an earlier term on a majority is not committed, because another leader may overwrite it', () => {
    const leader = leaderOf('s1 s2 s3 s4 s5', { id: 's1', term: 4, log: '1 2', commit: 1 })
    for (const from of ['s2', 's3']) leader.receive(from, appendResponse({ term: 4, match: 2 }))
    assert.equal(leader.status.commitIndex, 1)
    const voter = followerOf('s1 s2 s3 s4 s5', { id: 's3', term: 4, log: '1 2', commit: 1 })
    assert.equal(
      only('RequestVoteResponse', voter.receive('s5', voteRequest({ term: 5, last: '2@3' }))).isGranted,
      true,
    )
  })

  // Figure 8 (e)
  it('a node without an entry that the leader committed in its own term cannot be elected', () => {
    const leader = leaderOf('s1 s2 s3 s4 s5', { id: 's1', term: 4, log: '1 2', commit: 1 })
    acknowledgeAll(leader, 's2', 's3')
    assert.equal(leader.status.commitIndex, 3)
    const voter = followerOf('s1 s2 s3 s4 s5', { id: 's3', term: 4, log: '1 2 4', commit: 1 })
    assert.equal(
      only('RequestVoteResponse', voter.receive('s5', voteRequest({ term: 5, last: '2@3' }))).isGranted,
      false,
    )
  })
})

describe('§8 Client interaction', () => {
  // "… having each leader commit a blank no-op entry into the log at the start of its term."
  it('a new leader appends a no-op', () => {
    const leader = leaderOf('a b c', { term: 4, log: '1 2' })
    assert.equal(leader.log, '1 2 4')
    assert.equal(leader.state.log.blocksFrom(3, 1)[0]?.kind, 'noop')
  })

  // "If the client’s first choice is not the leader, that server will reject the client’s request and supply information about the most recent leader it has heard from."
  it('a node that is not the leader, and must not forward, rejects a proposal and names the leader it knows', () => {
    const command = { count: 1, size: 1, checksum: 7, payload: undefined }
    const proposal = { type: 'propose', proposal: 7, ...command, forward: false } as const
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    assert.deepEqual(follower.process(proposal).settled, [
      { type: 'rejected', proposal: 7, rejection: { reason: 'not-leader', leader: 'b' } },
    ])
    const leaderless = followerOf('a b c', { term: 2 })
    assert.deepEqual(leaderless.process(proposal).settled, [
      { type: 'rejected', proposal: 7, rejection: { reason: 'no-leader', leader: undefined } },
    ])
  })

  // Not in the paper.
  it('a leader with too many uncommitted entries rejects proposals and names the limit', () => {
    const options = { uncommittedEntriesMax: 3, uncommittedBytesMax: 100 }
    const leader = leaderOf('a b c', { term: 2, options })
    const [settlement] = leader.propose(3).settled
    assert.deepEqual(settlement, {
      type: 'rejected',
      proposal: 1,
      rejection: { reason: 'overloaded', limit: 'uncommittedEntriesMax', value: 1, max: 3 },
    })
    assert.equal(leader.propose(1, 5000).settled[0]?.type, 'accepted') // One block of any size is accepted.
    const [rejected] = leader.propose(1, 1).settled
    assert.deepEqual(rejected?.type === 'rejected' && rejected.rejection.reason, 'overloaded')
    acknowledgeAll(leader, 'b')
    assert.equal(leader.propose(1, 1).settled[0]?.type, 'accepted')
  })
})

describe('§5.5 Follower and candidate crashes; Figure 2 Persistent state', () => {
  it('a node whose disk failed sends nothing more and rejects every request', () => {
    const leader = leaderOf('a b c', { term: 2 })
    const { messages, events } = leader.process({ type: 'storageFailed', reason: 'EIO' })
    assert.deepEqual(messages, [])
    assert.deepEqual(
      events.map(({ type }) => type),
      ['steppedDown', 'becameFollower', 'leaderChanged', 'storageFailed'],
    )
    assert.deepEqual(leader.receive('b', voteRequest({ term: 9, last: '9@9' })), [])
    assert.deepEqual(leader.propose().settled, [
      { type: 'rejected', proposal: 1, rejection: { reason: 'stopped', detail: 'EIO' } },
    ])
    assert.equal(leader.effects.wakeAt, Infinity)
  })

  it('a restarted node applies the entries that it knows to be committed', () => {
    const node = followerOf('a b c', { term: 2, log: '1 1x3 2', commit: 4 })
    assert.deepEqual([node.status.commitIndex, node.status.appliedIndex], [4, 4])
  })

  it('a restarted node lowers its commit index to the end of a block', () => {
    const node = followerOf('a b c', { term: 2, log: '1 1x3', commit: 3 })
    assert.equal(node.status.commitIndex, 1)
  })
})
