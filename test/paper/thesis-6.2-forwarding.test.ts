import assert from 'node:assert/strict'
import type { Input } from '../../src/core/inputs.ts'
import type { Message, ProposeRequest, ProposeResponse } from '../../src/core/messages.ts'
import type { RaftOptions } from '../../src/core/options.ts'
import {
  acknowledgeAll,
  appendRequest,
  followerOf,
  leaderOf,
  type NodeOutput,
  ofType,
  only,
  readyLeaderOf,
  type TestNode,
} from '../core/builders.ts'

describe('thesis §6.2 Routing requests to the leader: followers forward proposals', () => {
  it('a follower forwards a proposal, and the place that the leader answers is its outcome', () => {
    const follower = forwarderOf()
    const request = forwarded(propose(follower))
    assert.deepEqual([request.term, request.count, request.size, request.lowest], [2, 1, 10, request.ticket])
    assert.deepEqual(answer(follower, request, { first: 5 }), [{ type: 'accepted', proposal: 7, first: 5, term: 2 }])
  })

  it('a follower that must not forward names the leader', () => {
    const follower = forwarderOf()
    const { messages, settled } = propose(follower, { forward: false })
    assert.deepEqual(
      [messages, settled],
      [[], [{ type: 'rejected', proposal: 7, rejection: { reason: 'not-leader', leader: 'b' } }]],
    )
  })

  it('a leader sends the follower the commit index of what it forwarded at once, without a heartbeat', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    const { first } = responseTo(leader, proposeRequest())
    const sent = acknowledgeAll(leader).filter(({ message }) => message.type === 'AppendEntriesRequest')
    assert.deepEqual(
      sent.map(({ to, message }) => [to, message.type === 'AppendEntriesRequest' && message.commitIndex]),
      [['b', first]],
    )
  })

  it('a leader appends a forwarded proposal once, however often its message arrives', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    const before = leader.status.lastIndex
    const answers = [1, 2].map(() => responseTo(leader, proposeRequest()))
    assert.equal(leader.status.lastIndex, before + 1)
    assert.deepEqual(
      answers.map(({ first }) => first),
      [before + 1, before + 1],
    )
  })

  it('a proposal that was rejected is not appended by a late copy of its message', () => {
    const leader = readyLeaderOf('a b c', { term: 2, options: { uncommittedEntriesMax: 1 } })
    responseTo(leader, proposeRequest({ ticket: 1 }))
    assert.equal(responseTo(leader, proposeRequest({ ticket: 2 })).rejection?.reason, 'overloaded')
    acknowledgeAll(leader)
    assert.equal(leader.status.commitIndex, leader.status.lastIndex)
    assert.equal(responseTo(leader, proposeRequest({ ticket: 2 })).rejection?.reason, 'overloaded')
  })

  it('a leader does not append what its sender no longer waits for', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    responseTo(leader, proposeRequest({ ticket: 2, lowest: 2 }))
    const before = leader.status.lastIndex
    assert.deepEqual(ofType('ProposeResponse', leader.receive('b', proposeRequest({ ticket: 1, lowest: 1 }))), [])
    assert.equal(leader.status.lastIndex, before)
  })

  it('a follower refuses a forwarded proposal with its leader, and does not forward it again', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'c' })
    const sent = follower.receive('b', proposeRequest())
    assert.deepEqual(
      sent.map(({ message }) => message.type),
      ['ProposeResponse'],
    )
    assert.deepEqual(responseTo(follower, proposeRequest()).rejection, { reason: 'not-leader', leader: 'c' })
  })

  it('a node that may have led this term does not say that the proposal was rejected', () => {
    const leader = leaderOf('a b c', { term: 2 })
    leader.timeOut()
    assert.equal(leader.status.role, 'follower')
    const { first, rejection } = responseTo(leader, proposeRequest())
    assert.deepEqual([first, rejection], [undefined, undefined])
  })

  it('the outcome is unknown when the leader changes before it answers', () => {
    const follower = forwarderOf()
    const request = forwarded(propose(follower))
    const { settled } = follower.process({
      type: 'receive',
      from: 'c',
      message: appendRequest({ term: 3, prev: '0@0' }),
    })
    assert.deepEqual(
      settled.map(({ type }) => type),
      ['proposalUnknown'],
    )
    assert.deepEqual(answer(follower, request, { first: 5 }), [])
  })

  it('a follower sends a proposal without an answer again, with the same ticket', () => {
    const follower = forwarderOf()
    const request = forwarded(propose(follower))
    follower.wait(follower.options.electionTimeoutMinMs / 2)
    follower.receive('b', appendRequest({ term: 2, prev: '0@0' }))
    const { messages } = follower.wait(follower.options.electionTimeoutMinMs / 2)
    assert.deepEqual(forwarded({ messages }), request)
  })

  it('a follower forwards at most forwardedProposalsMax proposals without an answer', () => {
    const follower = forwarderOf({ forwardedProposalsMax: 1 })
    propose(follower)
    const rejection = { reason: 'overloaded', limit: 'forwardedProposalsMax', value: 1, max: 1 }
    assert.deepEqual(propose(follower).settled, [{ type: 'rejected', proposal: 7, rejection }])
  })

  it('a follower forwards at most forwardedBytesMax bytes without an answer, or one larger proposal', () => {
    const follower = forwarderOf({ forwardedBytesMax: 9 })
    const request = forwarded(propose(follower))
    const rejection = { reason: 'overloaded', limit: 'forwardedBytesMax', value: 10, max: 9 }
    assert.deepEqual(propose(follower).settled, [{ type: 'rejected', proposal: 7, rejection }])
    answer(follower, request, { first: 5 })
    assert.deepEqual(propose(follower).settled, [])
  })

  it('a follower forwards nothing to a leader whose version does not understand it, nor to one that is not connected', () => {
    const follower = forwarderOf()
    follower.process({ type: 'peerSeen', peer: 'b', directoryId: 'd-b' })
    follower.wait(follower.options.electionTimeoutMinMs / 2)
    const older = propose(follower)
    follower.process({ type: 'peerLost', peer: 'b' })
    const lost = propose(follower)
    assert.deepEqual([...older.messages, ...lost.messages], [])
    assert.deepEqual(
      [...older.settled, ...lost.settled],
      [
        { type: 'rejected', proposal: 7, rejection: { reason: 'not-leader', leader: 'b' } },
        { type: 'rejected', proposal: 7, rejection: { reason: 'leader-unreachable', leader: 'b' } },
      ],
    )
  })

  it('a follower sends what has no answer again as soon as the leader is connected again', () => {
    const follower = forwarderOf()
    const request = forwarded(propose(follower))
    follower.process({ type: 'peerLost', peer: 'b' })
    assert.deepEqual(forwarded(seen(follower)), request)
  })

  it('a leader short of disk space rejects what is forwarded, and says so', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    const shortage = { freeBytes: 1, neededBytes: 2 }
    leader.process({ type: 'spaceChecked', shortage })
    assert.deepEqual(responseTo(leader, proposeRequest()).rejection, { reason: 'no-space', ...shortage })
  })

  it('a leader that remembers a thousand restarts of a follower answers the next that it leads', () => {
    const leader = readyLeaderOf('a b c', { term: 2, options: { uncommittedEntriesMax: 1 } })
    for (let origin = 1; origin <= 1000; origin++) responseTo(leader, proposeRequest({ origin }))
    const { rejection } = responseTo(leader, proposeRequest({ origin: 1001 }))
    assert.deepEqual(rejection, { reason: 'not-leader', leader: 'a' })
  })
})

/** A follower that is connected to its leader b. */
function forwarderOf(options: Partial<RaftOptions> = {}): TestNode {
  const follower = followerOf('a b c', { term: 2, leader: 'b', options })
  seen(follower)
  return follower
}

function seen(follower: TestNode): NodeOutput {
  return follower.process({ type: 'peerSeen', peer: 'b', directoryId: 'd-b', takesProposals: true })
}

function propose(node: TestNode, fields: Partial<Extract<Input, { type: 'propose' }>> = {}): NodeOutput {
  return node.process({ type: 'propose', proposal: 7, count: 1, size: 10, checksum: 7, payload: undefined, ...fields })
}

function forwarded({ messages }: Pick<NodeOutput, 'messages'>): ProposeRequest {
  return only('ProposeRequest', messages)
}

function proposeRequest(fields: Partial<ProposeRequest> = {}): ProposeRequest {
  return {
    type: 'ProposeRequest',
    term: 2,
    origin: 9,
    ticket: 1,
    lowest: 1,
    count: 1,
    size: 10,
    checksum: 7,
    payload: undefined,
    ...fields,
  }
}

function responseTo(node: TestNode, message: Message): ProposeResponse {
  return only('ProposeResponse', node.receive('b', message))
}

function answer(
  node: TestNode,
  { origin, ticket }: ProposeRequest,
  fields: Partial<ProposeResponse>,
): NodeOutput['settled'] {
  const message: ProposeResponse = {
    type: 'ProposeResponse',
    term: 2,
    origin,
    ticket,
    first: undefined,
    rejection: undefined,
    ...fields,
  }
  return node.process({ type: 'receive', from: 'b', message }).settled
}
