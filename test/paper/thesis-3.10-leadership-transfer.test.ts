import assert from 'node:assert/strict'
import {
  acknowledgeAll,
  appendRequest,
  appendResponse,
  followerOf,
  messagesTo,
  type NodeOutput,
  ofType,
  readyLeaderOf,
  type TestNode,
  timeoutNow,
  voteRequest,
} from '../core/builders.ts'

describe('thesis §3.10 Leadership transfer extension', () => {
  it('"the prior leader stops accepting new client requests"', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    transfer(leader, 'b')
    const rejection = { reason: 'transferring', to: 'b' }
    assert.deepEqual(leader.propose().settled, [{ type: 'rejected', proposal: 1, rejection }])
    const change = { type: 'changeMembership', request: 2, change: { remove: ['c'] } } as const
    assert.deepEqual(leader.process(change).settled, [{ type: 'changeRejected', request: 2, rejection }])
  })

  it('"the prior leader fully updates the target server’s log to match its own log", and only then orders it', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    leader.propose()
    assert.deepEqual(messagesTo('b', transfer(leader, 'b')), [])
    assert.deepEqual(acknowledgeAll(leader, 'c'), [])
    assert.deepEqual(messagesTo('b', { messages: acknowledgeAll(leader, 'b') }), [timeoutNow(2)])
  })

  it('"the prior leader sends a TimeoutNow request to the target server", once', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    assert.deepEqual(ofType('TimeoutNow', transfer(leader, 'b').messages), [timeoutNow(2)])
    assert.deepEqual(ofType('TimeoutNow', acknowledgeAll(leader, 'b')), [])
  })

  it('"this request has the same effect as the target server’s election timer firing": it campaigns at once, asking no pre-votes', () => {
    const target = followerOf('a b c', { id: 'b', term: 2, leader: 'a', log: '1 2' })
    const messages = target.receive('a', timeoutNow(2))
    const request = voteRequest({ term: 3, last: '2@2', isTransfer: true })
    assert.deepEqual(
      messages,
      ['a', 'c'].map((to) => ({ to, message: request })),
    )
  })

  it('only the leader’s own order is followed', () => {
    const target = followerOf('a b c', { id: 'b', term: 2, leader: 'a' })
    assert.deepEqual(target.receive('c', timeoutNow(2)), [])
    assert.equal(target.status.role, 'follower')
  })

  it('a learner that is ordered does not campaign', () => {
    const learner = followerOf('a c +b', { id: 'b', term: 2, leader: 'a' })
    assert.deepEqual(learner.receive('a', timeoutNow(2)), [])
  })

  it('the transfer is done when the old leader hears of the higher term', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    transfer(leader, 'b')
    const request = voteRequest({ term: 3, last: '1@2', isTransfer: true })
    const { settled } = leader.process({ type: 'receive', from: 'b', message: request })
    assert.deepEqual(settled, [{ type: 'transferred', request: 1, leader: undefined }])
    assert.deepEqual([leader.status.role, leader.status.votedFor], ['follower', 'b'])
  })

  it('a higher term before the order was given is no transfer', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    leader.propose()
    transfer(leader, 'b')
    const { settled } = leader.process({ type: 'receive', from: 'c', message: appendRequest({ term: 3, prev: '0@0' }) })
    const rejection = { reason: 'leadership-lost', leader: undefined }
    assert.deepEqual(settled, [{ type: 'transferRejected', request: 1, rejection }])
  })

  it('"if leadership transfer does not complete after about an election timeout, the prior leader aborts the transfer and resumes accepting client requests"', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    transfer(leader, 'b')
    const settled = []
    for (let beat = 0; beat < 16; beat++) {
      settled.push(...leader.wait(leader.options.heartbeatIntervalMs).settled)
      acknowledgeAll(leader)
    }
    assert.deepEqual(settled, [{ type: 'transferRejected', request: 1, rejection: { reason: 'timed-out' } }])
    assert.equal(leader.propose().settled[0]?.type, 'accepted')
  })

  it('without a target the most caught-up voter is chosen, never a learner', () => {
    const leader = readyLeaderOf('a b c +d', { term: 2 })
    leader.propose()
    acknowledgeAll(leader, 'c', 'd')
    const { messages } = transfer(leader, undefined)
    assert.deepEqual(
      messages.filter(({ message }) => message.type === 'TimeoutNow').map(({ to }) => to),
      ['c'],
    )
  })

  it('nor one that has been silent', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    for (let beat = 0; beat < 9; beat++) {
      leader.wait(leader.options.heartbeatIntervalMs)
      acknowledgeAll(leader, 'c')
    }
    leader.propose()
    const { messages } = transfer(leader, undefined)
    assert.deepEqual(messages, [])
    assert.equal(leader.receive('c', appendResponse({ term: 2, match: 2 })).at(-1)?.to, 'c')
  })

  for (const { to, detail } of [
    { to: 'd', detail: 'd is not a voter' },
    { to: 'x', detail: 'x is not a voter' },
  ]) {
    it(`a transfer to ${to} is refused: ${detail}`, () => {
      const leader = readyLeaderOf('a b c +d', { term: 2 })
      const rejection = { reason: 'bad-target', detail }
      assert.deepEqual(transfer(leader, to).settled, [{ type: 'transferRejected', request: 1, rejection }])
    })
  }

  it('a transfer to itself is done already', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    assert.deepEqual(transfer(leader, 'a').settled, [{ type: 'transferred', request: 1, leader: 'a' }])
    assert.equal(leader.propose().settled[0]?.type, 'accepted')
  })

  it('alone, there is nobody to transfer to', () => {
    const leader = readyLeaderOf('a', { term: 2 })
    const rejection = { reason: 'bad-target', detail: 'no other voter is responding' }
    assert.deepEqual(transfer(leader, undefined).settled, [{ type: 'transferRejected', request: 1, rejection }])
  })

  it('a second transfer is refused while one is under way', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    transfer(leader, 'b')
    const rejection = { reason: 'transferring', to: 'b' }
    assert.deepEqual(transfer(leader, 'c').settled, [{ type: 'transferRejected', request: 1, rejection }])
  })
})

function transfer(leader: TestNode, to: string | undefined): NodeOutput {
  return leader.process({ type: 'transfer', request: 1, to })
}
