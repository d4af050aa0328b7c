import assert from 'node:assert/strict'
import type { MembershipChange } from '../../src/core/index.ts'
import { formatMembership } from '../../src/testing/text/format-message.ts'
import {
  acknowledgeAll,
  appendRequest,
  appendResponse,
  followerOf,
  leaderOf,
  membershipBlock,
  membershipOf,
  messagesTo,
  type NodeOutput,
  ofType,
  only,
  preVoteRequest,
  preVoteResponse,
  readyLeaderOf,
  type TestNode,
  voteRequest,
} from '../core/builders.ts'

describe('§6 Cluster membership changes', () => {
  // "Once a given server adds the new configuration entry to its log, it uses that configuration for all future decisions …"
  it('a leader uses a new membership as soon as it is appended', () => {
    const leader = readyLeaderOf('a b c +d', { term: 2 })
    change(leader, { promote: ['d'] })
    assert.equal(membersOf(leader), '(a b c d)')
    acknowledgeAll(leader, 'b')
    assert.equal(leader.status.commitIndex, 1) // Two of four are not a majority.
    acknowledgeAll(leader, 'd')
    assert.equal(leader.status.commitIndex, 2)
  })

  // "… regardless of whether the entry is committed."
  it('a follower uses a new membership as soon as it is appended', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    follower.receive(
      'b',
      appendRequest({ term: 2, prev: '0@0', entries: [membershipBlock(1, 2, membershipOf('a b c d'))] }),
    )
    assert.deepEqual([membersOf(follower), follower.status.isMembershipCommitted], ['(a b c d)', false])
    follower.timeOut()
    const { messages } = follower.wait(1)
    assert.deepEqual([messages.length, follower.status.role], [0, 'pre-candidate'])
    follower.receive('d', preVoteResponse({ term: 3 }))
    assert.equal(follower.status.role, 'pre-candidate') // Two of four are not a majority.
  })

  // Thesis §4.1: "a server … must be prepared to fall back to the previous configuration in its log".
  it('a follower reverts to the earlier membership when the later one is truncated', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b', log: '1' })
    const first = membershipBlock(2, 2, membershipOf('a b c d'))
    const second = membershipBlock(3, 2, membershipOf('a b c d e'))
    follower.receive('b', appendRequest({ term: 2, prev: '1@1', entries: [first, second] }))
    const { events } = follower.process({
      type: 'receive',
      from: 'c',
      message: appendRequest({ term: 3, prev: '1@1', entries: '3' }),
    })
    assert.deepEqual([membersOf(follower), follower.status.membershipIndex], ['(a b c)', 0])
    assert.ok(events.some(({ type }) => type === 'membershipReverted'))
  })

  // "New servers join the cluster as non-voting members (the leader replicates log entries to them, but they are not considered for majorities)."
  it('a leader replicates to a learner and does not count it in majorities', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    const output = change(leader, { add: [{ id: 'd', address: 'd:1' }] })
    assert.equal(membersOf(leader), '(a b c +d)')
    assert.equal(
      ofType(
        'AppendEntriesRequest',
        output.messages.filter(({ to }) => to === 'd'),
      ).length,
      1,
    )
    acknowledgeAll(leader, 'd')
    assert.equal(leader.status.commitIndex, 1)
    acknowledgeAll(leader, 'b')
    assert.equal(leader.status.commitIndex, 2)
  })

  // "The leader steps down (returns to follower state) once it has committed the C_new log entry."
  it('a leader that is removed steps down once its removal is committed', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    change(leader, { remove: ['a'] })
    assert.equal(leader.status.role, 'leader')
    acknowledgeAll(leader, 'b', 'c')
    assert.deepEqual([leader.status.role, leader.status.commitIndex, leader.status.isRemoved], ['follower', 2, true])
  })

  // "While it is committing C_new, … it replicates log entries but does not count itself in majorities."
  it('a leader that is removed does not count itself in majorities', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    change(leader, { remove: ['a'] })
    acknowledgeAll(leader, 'b')
    assert.equal(leader.status.commitIndex, 1) // b alone is not a majority of b and c.
    acknowledgeAll(leader, 'c')
    assert.equal(leader.status.commitIndex, 2)
  })

  // Not in the paper: the cluster then has a leader again without an election timeout.
  it('a leader that is removed sends TimeoutNow to a voter with the complete log', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    change(leader, { remove: ['a'] })
    acknowledgeAll(leader, 'b')
    const messages = acknowledgeAll(leader, 'c')
    assert.equal(ofType('TimeoutNow', messages).length, 1)
  })

  it('a leader that demotes itself steps down and stays a member', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    change(leader, { demote: ['a'] })
    acknowledgeAll(leader, 'b', 'c')
    assert.deepEqual([leader.status.role, leader.status.isRemoved, membersOf(leader)], ['follower', false, '(b c +a)'])
  })

  // "If a server receives a RequestVote RPC within the minimum election timeout of hearing from a current leader, it does not update its term or grant its vote."
  it('a follower in contact with its leader ignores vote requests', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    follower.wait(follower.options.electionTimeoutMinMs - 1)
    assert.deepEqual(follower.receive('c', voteRequest({ term: 3, last: '9@9' })), [])
    assert.equal(follower.status.term, 2)
    follower.wait(1)
    assert.equal(
      only('RequestVoteResponse', follower.receive('c', voteRequest({ term: 3, last: '9@9' }))).isGranted,
      true,
    )
  })
})

describe('thesis §4.1 Safety of changes', () => {
  // "The leader … will not … begin another membership change until it has committed" the last one.
  it('a leader rejects a change while another one is not committed', () => {
    const leader = readyLeaderOf('a b c +d +e', { term: 2 })
    change(leader, { promote: ['d'] })
    const [rejected] = change(leader, { promote: ['e'] }).settled
    assert.deepEqual(rejected?.type === 'changeRejected' && rejected.rejection, {
      reason: 'change-in-progress',
      index: 2,
    })
    acknowledgeAll(leader)
    assert.equal(change(leader, { promote: ['e'] }).settled[0]?.type, 'changeAccepted')
  })

  // Otherwise two leaders could commit disjoint changes (the bug found in 2015).
  it('a leader queues a change until it has committed an entry of its own term', () => {
    const leader = leaderOf('a b c', { term: 4, log: '1 2', commit: 2 })
    assert.deepEqual(change(leader, { remove: ['c'] }).settled, [])
    assert.equal(membersOf(leader), '(a b c)')
    leader.step({ type: 'receive', from: 'b', message: appendResponse({ term: 4, match: 3 }) })
    assert.deepEqual(leader.settle().settled, [{ type: 'changeAccepted', request: 1, index: 4, term: 4 }])
  })

  // Not in the paper.
  it('a leader queues one change while it commits an automatic change, and rejects further ones', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    leader.process({ type: 'peerSeen', peer: 'b', directoryId: 'disk-of-b' })
    assert.deepEqual(change(leader, { remove: ['c'] }).settled, [])
    const second = { type: 'changeMembership', request: 2, change: { remove: ['b'] } } as const
    const [rejected] = leader.process(second).settled
    assert.deepEqual(rejected?.type === 'changeRejected' && rejected.rejection.reason, 'change-in-progress')
    leader.step({ type: 'receive', from: 'b', message: appendResponse({ term: 2, match: 2 }) })
    assert.deepEqual(leader.settle().settled, [{ type: 'changeAccepted', request: 1, index: 3, term: 2 }])
  })

  it('a queued change is reported at once, and rejected if the entries it waits for are not committed in storageStallMs', () => {
    const leader = leaderOf('a b c', { term: 4, log: '1 2', commit: 2, options: { checkQuorum: false } })
    const { events } = change(leader, { remove: ['c'] })
    assert.deepEqual(events, [{ type: 'changeQueued', request: 1 }])
    assert.deepEqual(leader.wait(leader.options.storageStallMs - 1).settled, [])
    assert.deepEqual(leader.wait(1).settled, [
      { type: 'changeRejected', request: 1, rejection: { reason: 'leader-not-ready' } },
    ])
  })

  it('a queued change is rejected if leadership is lost', () => {
    const leader = leaderOf('a b c', { term: 4, log: '1 2', commit: 2 })
    change(leader, { remove: ['c'] })
    const { settled } = leader.process({ type: 'receive', from: 'b', message: appendRequest({ term: 5, prev: '0@0' }) })
    const rejection = { reason: 'leadership-lost', leader: undefined }
    assert.deepEqual(settled, [{ type: 'changeRejected', request: 1, rejection }])
  })

  it('a change for the membership of an index is rejected once another one is in force', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    const { membershipIndex } = leader.status
    const rejected = { type: 'changeRejected', request: 1, rejection: { reason: 'membership-changed', index: 2 } }
    assert.equal(change(leader, { remove: ['c'], ifIndex: membershipIndex }).settled[0]?.type, 'changeAccepted')
    acknowledgeAll(leader)
    assert.deepEqual(change(leader, { remove: ['b'], ifIndex: membershipIndex }).settled, [rejected])
    assert.equal(membersOf(leader), '(a b)')
  })

  it('a queued change is rejected if the automatic change that it waited for has replaced the membership', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    const { membershipIndex } = leader.status
    leader.process({ type: 'peerSeen', peer: 'b', directoryId: 'disk-of-b' })
    assert.deepEqual(change(leader, { remove: ['c'], ifIndex: membershipIndex }).settled, [])
    leader.step({ type: 'receive', from: 'b', message: appendResponse({ term: 2, match: 2 }) })
    const [rejected] = leader.settle().settled
    assert.deepEqual(rejected?.type === 'changeRejected' && rejected.rejection, {
      reason: 'membership-changed',
      index: 2,
    })
  })

  it('a change is settled once it is committed', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    assert.deepEqual(change(leader, { remove: ['c'] }).settled, [
      { type: 'changeAccepted', request: 1, index: 2, term: 2 },
    ])
    leader.step({ type: 'receive', from: 'b', message: appendResponse({ term: 2, match: 2 }) })
    assert.deepEqual(leader.settle().settled, [{ type: 'changeDone', request: 1, index: 2 }])
  })

  it('a change that was appended is settled as unknown if leadership is lost', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    change(leader, { remove: ['c'] })
    const { settled } = leader.process({ type: 'receive', from: 'b', message: appendRequest({ term: 3, prev: '0@0' }) })
    assert.deepEqual(settled, [{ type: 'changeUnknown', request: 1, leader: undefined }])
  })

  // Not in the paper.
  it('a leader rejects a change after which no quorum would respond, and names the silent voters', () => {
    const leader = readyLeaderOf('a b c', { term: 2, options: { checkQuorum: false } })
    leader.wait(leader.options.electionTimeoutMaxMs)
    acknowledgeAll(leader, 'b')
    const [rejected] = change(leader, { remove: ['b'] }).settled
    assert.ok(rejected?.type === 'changeRejected' && rejected.rejection.reason === 'unsafe-change')
    assert.match(rejected.rejection.detail, /no response from c:/)
    assert.equal(change(leader, { remove: ['c'] }).settled[0]?.type, 'changeAccepted')
  })

  // Not in the paper: one entry is enough to know the membership.
  it('a membership entry contains the complete membership', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    const { messages } = change(leader, { add: [{ id: 'd', address: 'd:1' }] })
    const [block] = only(
      'AppendEntriesRequest',
      messages.filter(({ to }) => to === 'b'),
    ).blocks
    assert.deepEqual(block?.membership, leader.status.membership)
  })
})

describe('thesis §4.2.1 Catching up new servers', () => {
  it('a leader does not promote a learner that lags', () => {
    const leader = readyLeaderOf('a b c +d', { term: 2, options: { caughtUpEntries: 5 } })
    leader.propose(6)
    for (let interval = 0; interval < 2; interval++) leader.wait(leader.options.heartbeatIntervalMs)
    acknowledgeAll(leader, 'b')
    const [rejected] = change(leader, { promote: ['d'] }).settled
    assert.deepEqual(rejected?.type === 'changeRejected' && rejected.rejection, {
      reason: 'learner-not-ready',
      peer: 'd',
      lag: 6,
      applyLag: 0,
    })
    acknowledgeAll(leader, 'd')
    assert.equal(change(leader, { promote: ['d'] }).settled[0]?.type, 'changeAccepted')
  })

  it('a round that takes less than two heartbeats is short enough, however many entries it has', () => {
    const leader = readyLeaderOf('a b c +d', { term: 2, options: { caughtUpEntries: 5 } })
    const proposeFor = (intervals: number): void => {
      for (let interval = 0; interval < intervals; interval++) {
        leader.propose(1000)
        leader.wait(leader.options.heartbeatIntervalMs)
        acknowledgeAll(leader, 'b')
      }
    }
    proposeFor(3)
    assert.equal(change(leader, { promote: ['d'] }).settled[0]?.type, 'changeRejected')
    acknowledgeAll(leader, 'd')
    proposeFor(1)
    assert.equal(change(leader, { promote: ['d'] }).settled[0]?.type, 'changeAccepted')
  })

  it('a leader does not promote a learner that has not responded for an election timeout', () => {
    const leader = readyLeaderOf('a b c +d', { term: 2, options: { checkQuorum: false } })
    leader.wait(leader.options.electionTimeoutMaxMs)
    acknowledgeAll(leader, 'b', 'c')
    const [rejected] = change(leader, { promote: ['d'] }).settled
    assert.deepEqual(rejected?.type === 'changeRejected' && rejected.rejection.reason, 'learner-not-ready')
  })

  // Not in the paper.
  it('a leader promotes a learner added with promote once it has caught up', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    change(leader, { add: [{ id: 'd', address: 'd:1', promote: true }] })
    acknowledgeAll(leader, 'b')
    assert.equal(membersOf(leader), '(a b c +d)')
    acknowledgeAll(leader, 'd')
    assert.equal(membersOf(leader), '(a b c d)')
    acknowledgeAll(leader, 'b', 'd')
    assert.deepEqual([leader.status.isMembershipCommitted, leader.status.commitIndex], [true, 3])
  })
})

// Not in the paper.
describe('members that have moved', () => {
  it('are recorded at the address at which the leader has found them for an election timeout', () => {
    const leader = boundLeader()
    found(leader, 'b', 'moved:1')
    wait(leader, leader.options.electionTimeoutMaxMs - 1)
    assert.equal(addressOf(leader, 'b'), 'b:1')
    const { events } = wait(leader, 1)
    assert.equal(addressOf(leader, 'b'), 'moved:1')
    assert.deepEqual(ofEvent('memberMoved', events), [{ type: 'memberMoved', peer: 'b', from: 'b:1', to: 'moved:1' }])
    assert.equal(leader.status.isMembershipCommitted, false)
  })

  it('include the leader, found by its peers', () => {
    const leader = boundLeader()
    found(leader, 'a', 'moved:1')
    wait(leader, leader.options.electionTimeoutMaxMs)
    assert.equal(addressOf(leader, 'a'), 'moved:1')
  })

  it('are not recorded while their address keeps changing', () => {
    const leader = boundLeader()
    for (let time = 0; time < 20; time++) {
      found(leader, 'b', `moved:${time % 2}`)
      wait(leader, leader.options.electionTimeoutMaxMs / 2)
    }
    assert.equal(addressOf(leader, 'b'), 'b:1')
  })

  it('are recorded again only after ten election timeouts', () => {
    const leader = boundLeader()
    found(leader, 'b', 'moved:1')
    wait(leader, leader.options.electionTimeoutMaxMs)
    acknowledgeAll(leader, 'b', 'c')
    found(leader, 'b', 'moved:2')
    wait(leader, 10 * leader.options.electionTimeoutMaxMs - 1)
    assert.equal(addressOf(leader, 'b'), 'moved:1')
    wait(leader, 1)
    assert.equal(addressOf(leader, 'b'), 'moved:2')
  })

  it('are not recorded while another change is in progress', () => {
    const leader = boundLeader()
    found(leader, 'b', 'moved:1')
    wait(leader, leader.options.electionTimeoutMaxMs - 1)
    change(leader, { add: [{ id: 'd', address: 'd:1' }] })
    leader.wait(1)
    assert.equal(addressOf(leader, 'b'), 'b:1')
    acknowledgeAll(leader, 'b', 'c')
    leader.wait(leader.options.heartbeatIntervalMs)
    assert.equal(addressOf(leader, 'b'), 'moved:1')
  })

  it('are not made voters while the leader does not reach them', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    change(leader, { add: [{ id: 'd', address: 'd:1', promote: true }] })
    leader.step({ type: 'peerPlace', peer: 'd', isReached: false, address: undefined })
    acknowledgeAll(leader, 'b', 'c')
    acknowledgeAll(leader, 'd')
    assert.equal(membersOf(leader), '(a b c +d)')
    const [rejected] = change(leader, { promote: ['d'] }).settled
    assert.deepEqual(rejected?.type === 'changeRejected' && rejected.rejection, {
      reason: 'learner-out-of-reach',
      peer: 'd',
    })
    leader.step({ type: 'peerPlace', peer: 'd', isReached: true, address: undefined })
    assert.equal(membersOf(leader), '(a b c d)')
  })
})

describe('thesis §4.2.2 Removing the current leader, and other members', () => {
  // It may be needed to commit that membership.
  it('a node outside its latest, uncommitted membership may still campaign', () => {
    const node = followerOf('a b c', { term: 2, leader: 'b' })
    node.receive('b', appendRequest({ term: 2, prev: '0@0', entries: [membershipBlock(1, 2, membershipOf('b c'))] }))
    node.timeOut()
    assert.equal(node.status.role, 'pre-candidate')
    for (const from of ['b', 'c']) node.receive(from, preVoteResponse({ term: 3 }))
    assert.equal(node.status.role, 'candidate')
  })

  it('a node that its latest membership makes a voter may campaign, even before that is committed', () => {
    const node = followerOf('b c +a', { term: 2, leader: 'b' })
    node.receive('b', appendRequest({ term: 2, prev: '0@0', entries: [membershipBlock(1, 2, membershipOf('a b c'))] }))
    node.timeOut()
    assert.equal(node.status.role, 'pre-candidate')
  })

  it('a node whose removal is committed does not campaign', () => {
    const node = followerOf('a b c', { term: 2, leader: 'b' })
    const entries = [membershipBlock(1, 2, membershipOf('b c'))]
    node.receive('b', appendRequest({ term: 2, prev: '0@0', entries, commit: 1 }))
    assert.equal(node.status.isRemoved, true)
    node.wait(20 * node.options.electionTimeoutMaxMs)
    assert.equal(node.status.role, 'follower')
  })

  // Not in the paper.
  it('a leader replicates to a removed follower until it has received its removal', () => {
    const leader = readyLeaderOf('a b c d', { term: 2 })
    const output = change(leader, { remove: ['d'] })
    assert.equal(messagesTo('d', output).length, 1)
    acknowledgeAll(leader, 'b', 'c')
    acknowledgeAll(leader, 'd')
    const { messages } = leader.wait(leader.options.heartbeatIntervalMs)
    const [heartbeat] = ofType(
      'AppendEntriesRequest',
      messages.filter(({ to }) => to === 'd'),
    )
    assert.equal(heartbeat?.commitIndex, 2)
    assert.deepEqual(
      leader.status.peers.map(({ id }) => id),
      ['b', 'c'],
    )
  })

  it('a leader stops replicating to a silent removed follower after an election timeout', () => {
    const leader = readyLeaderOf('a b c d', { term: 2 })
    change(leader, { remove: ['d'] })
    for (let beat = 0; beat <= 15; beat++) {
      acknowledgeAll(leader, 'b', 'c')
      leader.wait(leader.options.heartbeatIntervalMs)
    }
    assert.deepEqual(
      leader.status.peers.map(({ id }) => id),
      ['b', 'c'],
    )
    assert.equal(leader.status.role, 'leader')
  })

  it('a leader ignores acknowledgements of a removed follower when it commits', () => {
    const leader = readyLeaderOf('a b c d e', { term: 2 })
    change(leader, { remove: ['e'] })
    acknowledgeAll(leader, 'b', 'e')
    assert.equal(leader.status.commitIndex, 1)
    acknowledgeAll(leader, 'c')
    assert.equal(leader.status.commitIndex, 2)
  })

  // Not in the paper.
  it('a leader ignores responses of an earlier session of a member that was removed and added again', () => {
    const leader = readyLeaderOf('a b c d', { term: 2 })
    change(leader, { remove: ['d'] })
    acknowledgeAll(leader, 'b', 'c')
    change(leader, { add: [{ id: 'd', address: 'd:2' }] })
    acknowledgeAll(leader, 'b', 'c')
    const match = leader.status.lastIndex
    leader.receive('d', appendResponse({ term: 2, match, session: 0 }))
    const peer = (): number | undefined => leader.status.peers.find(({ id }) => id === 'd')?.matchIndex
    assert.equal(peer(), 0)
    leader.receive('d', appendResponse({ term: 2, match, session: 3 }))
    assert.equal(peer(), match)
  })

  // Not in the paper.
  it('a leader records the directory id of a member at first contact and keeps it', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    leader.process({ type: 'peerSeen', peer: 'b', directoryId: 'disk-of-b' })
    assert.equal(leader.status.membership.members.find(({ id }) => id === 'b')?.directoryId, 'disk-of-b')
    acknowledgeAll(leader)
    leader.process({ type: 'peerSeen', peer: 'b', directoryId: 'another' })
    assert.equal(leader.status.membership.members.find(({ id }) => id === 'b')?.directoryId, 'disk-of-b')
  })

  // Not in the paper.
  it('a leader forgets the directory id of a removed member', () => {
    const leader = readyLeaderOf('a b c d', { term: 2 })
    leader.process({ type: 'peerSeen', peer: 'd', directoryId: 'old-disk' })
    acknowledgeAll(leader)
    change(leader, { remove: ['d'] })
    acknowledgeAll(leader)
    change(leader, { add: [{ id: 'd', address: 'd:2' }] })
    acknowledgeAll(leader)
    assert.equal(leader.status.membership.members.find(({ id }) => id === 'd')?.directoryId, '')
  })

  // Not in the paper.
  it('a leader forgets the directory id that a removed member presents when it reconnects', () => {
    const leader = readyLeaderOf('a b c d', { term: 2 })
    leader.process({ type: 'peerSeen', peer: 'd', directoryId: 'old-disk' })
    acknowledgeAll(leader)
    change(leader, { remove: ['d'] })
    acknowledgeAll(leader)
    leader.process({ type: 'peerSeen', peer: 'd', directoryId: 'old-disk' })
    leader.process({ type: 'peerLost', peer: 'd' })
    change(leader, { add: [{ id: 'd', address: 'd:2' }] })
    acknowledgeAll(leader)
    assert.equal(leader.status.membership.members.find(({ id }) => id === 'd')?.directoryId, '')
    leader.process({ type: 'peerSeen', peer: 'd', directoryId: 'new-disk' })
    assert.equal(leader.status.membership.members.find(({ id }) => id === 'd')?.directoryId, 'new-disk')
  })
})

describe('thesis §4.2.3 Disruptive servers', () => {
  it('a removed node learns of its removal from the response to its pre-vote request', () => {
    const leader = readyLeaderOf('a b c d', { term: 2 })
    change(leader, { remove: ['d'] })
    acknowledgeAll(leader, 'b', 'c')
    const answer = only('PreVoteResponse', leader.receive('d', preVoteRequest({ term: 3, last: '1@2' })))
    assert.deepEqual([answer.isGranted, answer.isRemoved], [false, true])
    const removed = followerOf('a b c d', { id: 'd', term: 2 })
    const { events } = removed.process({
      type: 'receive',
      from: 'a',
      message: preVoteResponse({ term: 2, isGranted: false, isRemoved: true }),
    })
    assert.deepEqual(events, [{ type: 'toldRemoved', by: 'a' }])
  })

  it('a node does not report a removal that is not committed', () => {
    const leader = readyLeaderOf('a b c d', { term: 2 })
    change(leader, { remove: ['d'] })
    assert.equal(
      only('PreVoteResponse', leader.receive('d', preVoteRequest({ term: 3, last: '1@2' }))).isRemoved,
      false,
    )
    const joining = followerOf('', { term: 1 })
    assert.equal(
      only('PreVoteResponse', joining.receive('d', preVoteRequest({ term: 1, last: '0@0' }))).isRemoved,
      false,
    )
  })

  // "If a server receives a RequestVote request within the minimum election timeout of hearing from a current leader …"
  it('a leader ignores vote requests of a higher term', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    assert.deepEqual(leader.receive('d', voteRequest({ term: 9, last: '9@9' })), [])
    assert.deepEqual([leader.status.role, leader.status.term], ['leader', 2])
  })

  // It does not apply to leadership transfers.
  it('a leader grants its vote to the target of a leadership transfer', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    leader.receive('b', voteRequest({ term: 3, last: '9@2', isTransfer: true }))
    assert.deepEqual([leader.status.role, leader.status.term, leader.status.votedFor], ['follower', 3, 'b'])
  })
})

/** A leader of a, b and c that knows their directories and has recorded them. */
function boundLeader(): TestNode {
  const leader = readyLeaderOf('a b c', { term: 2 })
  for (const id of ['a', 'b', 'c']) leader.step({ type: 'peerSeen', peer: id, directoryId: `disk of ${id}` })
  acknowledgeAll(leader, 'b', 'c')
  acknowledgeAll(leader, 'b', 'c')
  return leader
}

function found(leader: TestNode, peer: string, address: string): void {
  leader.step({ type: 'peerPlace', peer, isReached: true, address })
}

/** Lets time pass in steps of a heartbeat at most, while the followers answer. */
function wait(leader: TestNode, ms: number): NodeOutput {
  for (let left = ms; ; left -= leader.options.heartbeatIntervalMs) {
    const output = leader.wait(Math.min(left, leader.options.heartbeatIntervalMs))
    if (left <= leader.options.heartbeatIntervalMs) return output
    acknowledgeAll(leader, 'b', 'c')
  }
}

function addressOf(leader: TestNode, id: string): string | undefined {
  return leader.status.membership.members.find((member) => member.id === id)?.address
}

function ofEvent(type: string, events: NodeOutput['events']): NodeOutput['events'] {
  return events.filter((event) => event.type === type)
}

function change(leader: TestNode, change: MembershipChange): NodeOutput {
  return leader.process({ type: 'changeMembership', request: 1, change })
}

function membersOf({ status }: TestNode): string {
  return formatMembership(status.membership)
}
