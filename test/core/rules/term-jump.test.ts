import assert from 'node:assert/strict'
import { TERM_RAISE_MAX } from '../../../src/core/election/term-allowance.ts'
import type { Message } from '../../../src/core/index.ts'
import {
  appendRejection,
  appendRequest,
  candidateOf,
  followerOf,
  preVoteResponse,
  readyLeaderOf,
  voteRequest,
  voteResponse,
} from '../builders.ts'

const HUGE = 2 ** 52

describe('a message of a huge term', () => {
  const messages: Readonly<Record<string, Message>> = {
    'a rejected AppendEntries': appendRejection({ term: HUGE, prev: 0, hint: '0@0' }),
    'a rejected pre-vote': preVoteResponse({ term: HUGE, isGranted: false }),
    'a denied vote': voteResponse({ term: HUGE, isGranted: false }),
    'a vote request of a transfer': voteRequest({ term: HUGE, last: '9@9', isTransfer: true }),
    'an AppendEntries': appendRequest({ term: HUGE, prev: '0@0' }),
  }
  for (const [name, message] of Object.entries(messages))
    it(`raises the term by no more than the allowance: ${name}`, () => {
      const leader = readyLeaderOf('a b c', { term: 2 })
      const { messages: responses, events } = leader.process({ type: 'receive', from: 'b', message })
      assert.deepEqual([leader.status.term, leader.status.role], [2 + TERM_RAISE_MAX, 'follower'])
      assert.deepEqual(responses, [])
      assert.deepEqual(
        events.find(({ type }) => type === 'termJumpLimited'),
        { type: 'termJumpLimited', from: 'b', claimed: HUGE, term: 2 + TERM_RAISE_MAX },
      )
    })

  it('leaves a node that can still win an election', () => {
    const candidate = candidateOf('a b c', { term: 2 })
    candidate.receive('b', voteResponse({ term: HUGE, isGranted: false }))
    const { messages } = candidate.timeOut()
    const request = messages.find(({ message }) => message.type === 'PreVoteRequest')
    assert.equal(request?.message.term, candidate.status.term + 1)
  })

  it('raises the term again only as time passes', () => {
    const follower = followerOf('a b c', { term: 2 })
    const message = appendRejection({ term: HUGE, prev: 0, hint: '0@0' })
    for (let repeat = 0; repeat < 1000; repeat++) follower.receive('b', message)
    assert.equal(follower.status.term, 2 + TERM_RAISE_MAX)
    follower.now += 500
    for (let repeat = 0; repeat < 1000; repeat++) follower.receive('b', message)
    assert.equal(follower.status.term, 2 + 1.5 * TERM_RAISE_MAX)
  })

  it('is followed at last by a node whose cluster really is in that term', () => {
    const follower = followerOf('a b c', { term: 2 })
    const term = 5 * TERM_RAISE_MAX
    let heartbeats = 0
    while (follower.status.leader !== 'b') {
      assert.ok(heartbeats++ < 60)
      follower.wait(follower.options.heartbeatIntervalMs)
      follower.receive('b', appendRequest({ term, prev: '0@0' }))
    }
    assert.equal(follower.status.term, term)
  })

  it('an honest jump within the allowance is adopted at once', () => {
    const follower = followerOf('a b c', { term: 2 })
    follower.receive('b', appendRequest({ term: TERM_RAISE_MAX, prev: '0@0' }))
    assert.deepEqual([follower.status.term, follower.status.leader], [TERM_RAISE_MAX, 'b'])
  })
})
