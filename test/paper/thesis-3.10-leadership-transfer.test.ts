import assert from 'node:assert/strict'
import type { Shortage } from '../../src/core/types.ts'
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
  // "The prior leader stops accepting new client requests."
  it('a leader rejects proposals and changes during a transfer', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    transfer(leader, 'b')
    const rejection = { reason: 'transferring', to: 'b' }
    assert.deepEqual(leader.propose().settled, [{ type: 'rejected', proposal: 1, rejection }])
    const change = { type: 'changeMembership', request: 2, change: { remove: ['c'] } } as const
    assert.deepEqual(leader.process(change).settled, [{ type: 'changeRejected', request: 2, rejection }])
  })

  // "The prior leader fully updates the target server’s log to match its own log."
  it('a leader sends TimeoutNow only once the target has its complete log', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    leader.propose()
    assert.deepEqual(messagesTo('b', transfer(leader, 'b')), [])
    assert.deepEqual(acknowledgeAll(leader, 'c'), [])
    assert.deepEqual(messagesTo('b', { messages: acknowledgeAll(leader, 'b') }), [timeoutNow(2)])
  })

  // "The prior leader sends a TimeoutNow request to the target server."
  it('a leader sends TimeoutNow once', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    assert.deepEqual(ofType('TimeoutNow', transfer(leader, 'b').messages), [timeoutNow(2)])
    assert.deepEqual(ofType('TimeoutNow', acknowledgeAll(leader, 'b')), [])
  })

  // "This request has the same effect as the target server’s election timer firing."
  it('the target campaigns at once and without a pre-vote', () => {
    const target = followerOf('a b c', { id: 'b', term: 2, leader: 'a', log: '1 2' })
    const messages = target.receive('a', timeoutNow(2))
    const request = voteRequest({ term: 3, last: '2@2', isTransfer: true })
    assert.deepEqual(
      messages,
      ['a', 'c'].map((to) => ({ to, message: request })),
    )
  })

  it('a follower ignores TimeoutNow from a node that is not its leader', () => {
    const target = followerOf('a b c', { id: 'b', term: 2, leader: 'a' })
    assert.deepEqual(target.receive('c', timeoutNow(2)), [])
    assert.equal(target.status.role, 'follower')
  })

  it('a learner ignores TimeoutNow', () => {
    const learner = followerOf('a c +b', { id: 'b', term: 2, leader: 'a' })
    assert.deepEqual(learner.receive('a', timeoutNow(2)), [])
  })

  it('a transfer completes when the old leader receives a message of a higher term', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    transfer(leader, 'b')
    const request = voteRequest({ term: 3, last: '1@2', isTransfer: true })
    const { settled } = leader.process({ type: 'receive', from: 'b', message: request })
    assert.deepEqual(settled, [{ type: 'transferred', request: 1, leader: undefined }])
    assert.deepEqual([leader.status.role, leader.status.votedFor], ['follower', 'b'])
  })

  it('a transfer is rejected if a higher term arrives before TimeoutNow was sent', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    leader.propose()
    transfer(leader, 'b')
    const { settled } = leader.process({ type: 'receive', from: 'c', message: appendRequest({ term: 3, prev: '0@0' }) })
    const rejection = { reason: 'leadership-lost', leader: undefined }
    assert.deepEqual(settled, [{ type: 'transferRejected', request: 1, rejection }])
  })

  it('a leader that loses its quorum after it sent TimeoutNow does not know whether the target wins', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    transfer(leader, 'b')
    const { settled } = leader.wait(2 * leader.options.electionTimeoutMaxMs)
    assert.deepEqual(settled, [{ type: 'transferUnknown', request: 1, to: 'b' }])
  })

  // "If leadership transfer does not complete after about an election timeout, the prior leader aborts the transfer and resumes accepting client requests."
  it('a leader aborts a transfer after an election timeout and accepts proposals again', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    transfer(leader, 'b')
    const settled = []
    for (let beat = 0; beat < 16; beat++) {
      settled.push(...leader.wait(leader.options.heartbeatIntervalMs).settled)
      acknowledgeAll(leader)
    }
    assert.deepEqual(settled, [{ type: 'transferUnknown', request: 1, to: 'b' }])
    assert.equal(leader.propose().settled[0]?.type, 'accepted')
  })

  it('a transfer without a target goes to the voter with the highest match index, never to a learner', () => {
    const leader = readyLeaderOf('a b c +d', { term: 2 })
    leader.propose()
    acknowledgeAll(leader, 'c', 'd')
    const { messages } = transfer(leader, undefined)
    assert.deepEqual(
      messages.filter(({ message }) => message.type === 'TimeoutNow').map(({ to }) => to),
      ['c'],
    )
  })

  it('a transfer without a target never goes to a voter that has not responded recently', () => {
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
    it(`a transfer to ${to} is rejected because ${detail}`, () => {
      const leader = readyLeaderOf('a b c +d', { term: 2 })
      const rejection = { reason: 'bad-target', detail }
      assert.deepEqual(transfer(leader, to).settled, [{ type: 'transferRejected', request: 1, rejection }])
    })
  }

  describe('a voter that reports a shortage of disk space', () => {
    const shortage = { freeBytes: 1, neededBytes: 2 }
    const rejection = { reason: 'unfit-target', unfit: [{ peer: 'b', shortage, applyLag: 0, writeMs: 0 }] }
    let leader: TestNode

    beforeEach(() => {
      leader = readyLeaderOf('a b c', { term: 2 })
    })

    function report(shortage?: Shortage): NodeOutput {
      return leader.process({ type: 'receive', from: 'b', message: appendResponse({ term: 2, match: 1, shortage }) })
    }

    it('is chosen only by force, also without a target', () => {
      report(shortage)
      assert.deepEqual(transfer(leader, 'b').settled, [{ type: 'transferRejected', request: 1, rejection }])
      assert.equal(leader.propose().settled[0]?.type, 'accepted')
      acknowledgeAll(leader, 'c')
      for (let beat = 0; beat < 9; beat++) {
        leader.wait(leader.options.heartbeatIntervalMs)
        report(shortage)
      }
      assert.deepEqual(transfer(leader, undefined).settled, [{ type: 'transferRejected', request: 1, rejection }])
      leader.process({ type: 'transfer', request: 2, to: undefined, isForced: true })
      assert.deepEqual(leader.propose().settled[0], {
        ...{ type: 'rejected', proposal: 1 },
        rejection: { reason: 'transferring', to: 'b' },
      })
    })

    it('ends a transfer to it that waits for its log', () => {
      leader.propose()
      transfer(leader, 'b')
      assert.deepEqual(report(shortage).settled, [{ type: 'transferRejected', request: 1, rejection }])
    })

    it('can be chosen again once it no longer reports one', () => {
      report(shortage)
      report()
      assert.deepEqual(ofType('TimeoutNow', transfer(leader, 'b').messages), [timeoutNow(2)])
    })

    it('reports it in every response until its space is sufficient', () => {
      const follower = followerOf('a b c', { id: 'b', term: 2, leader: 'a' })
      const answer = (): unknown => follower.receive('a', appendRequest({ term: 2, prev: '0@0' }))[0]?.message
      follower.process({ type: 'spaceChecked', shortage })
      assert.deepEqual(answer(), appendResponse({ term: 2, match: 0, chain: 0, shortage }))
      follower.process({ type: 'spaceChecked', shortage: undefined })
      assert.deepEqual(answer(), appendResponse({ term: 2, match: 0, chain: 0 }))
    })
  })

  it('a voter that is far behind in applying is chosen only by force', () => {
    const leader = readyLeaderOf('a b c', { term: 2, options: { caughtUpEntries: 5 } })
    const report = (from: string, applyLag: number): NodeOutput =>
      leader.process({ type: 'receive', from, message: appendResponse({ term: 2, match: 1, applyLag }) })
    report('b', 6)
    report('c', 5)
    const rejection = { reason: 'unfit-target', unfit: [{ peer: 'b', shortage: undefined, applyLag: 6, writeMs: 0 }] }
    assert.deepEqual(transfer(leader, 'b').settled, [{ type: 'transferRejected', request: 1, rejection }])
    assert.deepEqual(
      ofType('TimeoutNow', leader.process({ type: 'transfer', request: 2, to: 'b', isForced: true }).messages),
      [timeoutNow(2)],
    )
  })

  it('a transfer without a target goes to a voter that has applied, also if its log is shorter', () => {
    const leader = readyLeaderOf('a b c', { term: 2, options: { caughtUpEntries: 5 } })
    leader.propose()
    leader.receive('b', appendResponse({ term: 2, match: 2, applyLag: 6 }))
    leader.receive('c', appendResponse({ term: 2, match: 1 }))
    assert.deepEqual(transfer(leader, undefined).events, [{ type: 'transferStarted', to: 'c' }])
  })

  it('a follower reports the committed entries that it has not applied', () => {
    const follower = followerOf('a b c', { id: 'b', term: 2, leader: 'a', log: '1 2' })
    const chain = follower.state.log.chainAt(2)
    const { send } = follower.step({
      ...{ type: 'receive', from: 'a' },
      message: appendRequest({ term: 2, prev: '2@2', commit: 2 }),
    })
    assert.deepEqual(send[0]?.message, appendResponse({ term: 2, match: 2, chain, applyLag: 2 }))
    follower.settle()
    const [answer] = follower.receive('a', appendRequest({ term: 2, prev: '2@2', commit: 2 }))
    assert.deepEqual(answer?.message, appendResponse({ term: 2, match: 2, chain }))
  })

  describe('a leader with a slow disk', () => {
    const shortage = { freeBytes: 1, neededBytes: 2 }
    let leader: TestNode

    beforeEach(() => {
      leader = readyLeaderOf('a b c d', {
        term: 2,
        options: { slowDiskMs: 200, slowDiskFactor: 8, caughtUpEntries: 1 },
      })
      leader.process({ type: 'diskTimed', writeMs: 800 })
    })

    function report(
      from: string,
      writeMs: number,
      unfit: { match?: number; shortage?: Shortage; applyLag?: number } = {},
    ): void {
      leader.receive(from, appendResponse({ term: 2, match: 1, writeMs, ...unfit }))
    }

    function toFasterDisk(): NodeOutput {
      return leader.process({ type: 'transfer', request: 1, to: undefined, toFasterDisk: true })
    }

    it('transfers to the voter with the fastest disk that has space and has applied', () => {
      report('b', 100)
      report('c', 20, { shortage })
      report('d', 50)
      assert.deepEqual(toFasterDisk().events, [
        { type: 'transferStarted', to: 'd', ownWriteMs: 800, targetWriteMs: 50 },
      ])
    })

    it('does not wait for a voter with a faster disk whose log is far behind', () => {
      for (let count = 0; count < 3; count++) leader.propose()
      for (let interval = 0; interval < 2; interval++) leader.wait(leader.options.heartbeatIntervalMs)
      report('b', 0, { match: 1 })
      report('c', 100, { match: 3 })
      report('d', 101, { match: 3 })
      assert.deepEqual(
        toFasterDisk().events.map((event) => 'to' in event && event.to),
        ['c'],
      )
    })

    it('keeps leading if no other disk is slowDiskFactor times as fast, and names the times', () => {
      for (const id of ['b', 'c', 'd']) report(id, 101)
      const detail =
        'no voter that can lead has a disk 8 times as fast (a durable write takes 800 ms on a; b 101 ms, c 101 ms, d 101 ms)'
      assert.deepEqual(toFasterDisk().settled, [
        { type: 'transferRejected', request: 1, rejection: { reason: 'bad-target', detail } },
      ])
    })

    it('keeps leading below slowDiskMs, however fast the others are', () => {
      leader.process({ type: 'diskTimed', writeMs: 199 })
      for (const id of ['b', 'c', 'd']) report(id, 0)
      assert.equal(toFasterDisk().settled[0]?.type, 'transferRejected')
    })
  })

  it('a voter whose disk is slow compared with another is chosen only by force', () => {
    const leader = readyLeaderOf('a b c', { term: 2, options: { slowDiskMs: 200, slowDiskFactor: 8 } })
    const report = (from: string, writeMs: number): NodeOutput =>
      leader.process({ type: 'receive', from, message: appendResponse({ term: 2, match: 1, writeMs }) })
    leader.process({ type: 'diskTimed', writeMs: 900 })
    report('b', 800)
    report('c', 100)
    const rejection = { reason: 'unfit-target', unfit: [{ peer: 'b', shortage: undefined, applyLag: 0, writeMs: 800 }] }
    assert.deepEqual(transfer(leader, 'b').settled, [{ type: 'transferRejected', request: 1, rejection }])
    report('c', 101)
    assert.deepEqual(transfer(leader, 'b').settled, [])
  })

  it('a follower reports how long its durable writes take', () => {
    const follower = followerOf('a b c', { id: 'b', term: 2, leader: 'a' })
    follower.process({ type: 'diskTimed', writeMs: 300 })
    const [answer] = follower.receive('a', appendRequest({ term: 2, prev: '0@0' }))
    assert.deepEqual(answer?.message, appendResponse({ term: 2, match: 0, chain: 0, writeMs: 300 }))
  })

  it('a transfer of a leader to itself completes at once', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    assert.deepEqual(transfer(leader, 'a').settled, [{ type: 'transferred', request: 1, leader: 'a' }])
    assert.equal(leader.propose().settled[0]?.type, 'accepted')
  })

  it('a transfer in a single-node cluster is rejected', () => {
    const leader = readyLeaderOf('a', { term: 2 })
    const rejection = { reason: 'bad-target', detail: 'no other voter is responding' }
    assert.deepEqual(transfer(leader, undefined).settled, [{ type: 'transferRejected', request: 1, rejection }])
  })

  it('a leader rejects a second transfer during a transfer', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    transfer(leader, 'b')
    const rejection = { reason: 'transferring', to: 'b' }
    assert.deepEqual(transfer(leader, 'c').settled, [{ type: 'transferRejected', request: 1, rejection }])
  })
})

function transfer(leader: TestNode, to: string | undefined): NodeOutput {
  return leader.process({ type: 'transfer', request: 1, to })
}
