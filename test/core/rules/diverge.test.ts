import assert from 'node:assert/strict'
import type { Block, Message } from '../../../src/core/index.ts'
import type { AppendEntriesRequest } from '../../../src/core/messages.ts'
import {
  appendRequest,
  appendResponse,
  blocksOf,
  followerOf,
  membershipOf,
  readyLeaderOf,
  snapshotAt,
  snapshotRequest,
  type TestNode,
} from '../builders.ts'

/** Entries 1 to 4 of terms 1, 1, 2, 2; committed up to 3. */
function follower(): TestNode {
  return followerOf('a b c', { term: 3, log: '1 1 2 2', commit: 3 })
}

describe('a follower whose leader contradicts a committed entry', () => {
  for (const [name, message, index] of [
    ['the previous entry of an AppendEntries', appendRequest({ term: 4, prev: '3@1' }), 3],
    ['a block of an AppendEntries', appendRequest({ term: 4, prev: '2@1', entries: '3' }), 3],
    ['a block behind matching ones', appendRequest({ term: 4, prev: '0@0', entries: '1 1 4' }), 3],
    ['the offer of a snapshot', snapshotRequest({ term: 4, snapshot: snapshotAt('3@4', membershipOf('a b c')) }), 3],
  ] as const)
    it(`stops because of ${name}, truncates nothing and sends nothing`, () => {
      const node = follower()
      const { messages, events } = node.process({ type: 'receive', from: 'b', message: message as Message })
      const diverged = events.find((event) => event.type === 'diverged')
      assert.deepEqual([diverged?.from, diverged?.index, diverged?.ownTerm], ['b', index, 2])
      assert.match(node.status.stopped ?? '', /entry 3 is committed here in term 2, but b, which leads term 4/)
      assert.deepEqual([messages, node.log], [[], '1 1 2 2'])
      assert.equal(node.effects.persist, undefined)
    })

  it('stays stopped', () => {
    const node = follower()
    node.receive('b', appendRequest({ term: 4, prev: '3@1' }))
    assert.deepEqual(node.receive('c', appendRequest({ term: 5, prev: '3@2' })), [])
    assert.equal(node.wait(60_000).messages.length, 0)
  })
})

describe('a follower whose leader contradicts no committed entry', () => {
  it('truncates uncommitted entries as before', () => {
    const node = follower()
    node.receive('b', appendRequest({ term: 4, prev: '3@2', entries: '4' }))
    assert.deepEqual([node.log, node.status.stopped], ['1 1 2 4', undefined])
  })

  it('accepts entries that are compacted here', () => {
    const snapshot = snapshotAt('5@2', membershipOf('a b c'))
    const node = followerOf('a b c', { term: 3, snapshot, log: '' })
    const [response] = node.receive('b', appendRequest({ term: 4, prev: '3@1' }))
    assert.equal(response?.message.type === 'AppendEntriesResponse' && response.message.isAccepted, true)
  })

  it('answers a late leader of an earlier term as before', () => {
    const node = follower()
    node.receive('b', appendRequest({ term: 2, prev: '3@1' }))
    assert.equal(node.status.stopped, undefined)
  })
})

describe('a follower whose leader has other content in entries of the same term', () => {
  const other = (message: AppendEntriesRequest): Message => ({ ...message, prevChain: message.prevChain ^ 1 })
  const offer = (index: string): Message =>
    snapshotRequest({ term: 4, snapshot: { ...snapshotAt(index, membershipOf('a b c')), chain: 1 } })
  const changed = (block: Block): Block => ({ ...block, checksum: 8 })

  for (const [name, message, index] of [
    ['the chain at a committed entry', other(appendRequest({ term: 4, prev: '3@2' })), 3],
    ['the chain at an entry that is not committed', other(appendRequest({ term: 4, prev: '4@2' })), 4],
    ['a known block', appendRequest({ term: 4, prev: '3@2', entries: blocksOf('2', 3).map(changed) }), 4],
    ['a committed block', appendRequest({ term: 4, prev: '2@1', entries: blocksOf('2 2', 2).map(changed) }), 3],
    ['the offer of a snapshot of a committed index', offer('3@2'), 3],
    ['the offer of a snapshot of a known index', offer('4@2'), 4],
  ] as const)
    it(`stops because of ${name}, truncates nothing and sends nothing`, () => {
      const node = follower()
      node.receive('b', appendRequest({ term: 4, prev: '2@1' }))
      const { messages, events } = node.process({ type: 'receive', from: 'b', message })
      const diverged = events.find((event) => event.type === 'diverged')
      const agreed = name === 'a known block' ? 3 : 2
      assert.deepEqual(
        [diverged?.index, diverged?.agreedIndex, diverged?.chains?.own],
        [index, agreed, node.state.log.chainAt(index)],
      )
      assert.match(node.status.stopped ?? '', /holds other content than this log in the entries from [34] to/)
      assert.deepEqual([messages, node.log], [[], '1 1 2 2'])
      assert.equal(node.effects.persist, undefined)
    })

  it('compares what a new leader sends with what the earlier one sent', () => {
    const node = follower()
    node.receive('b', appendRequest({ term: 4, prev: '3@2', entries: '2 4' }))
    assert.deepEqual([node.status.stopped, node.state.log.agreedIndex], [undefined, 5])
    node.receive('c', other(appendRequest({ term: 5, prev: '5@4' })))
    assert.match(node.status.stopped ?? '', /holds other content/)
  })
})

describe('a leader whose follower acknowledges other content', () => {
  it('does not count the acknowledgement', () => {
    const leader = readyLeaderOf('a b', { term: 2 })
    leader.propose()
    const chain = leader.state.log.chainAt(2) as number
    const { events } = leader.process({
      type: 'receive',
      from: 'b',
      message: appendResponse({ term: 2, match: 2, chain: chain ^ 1 }),
    })
    assert.deepEqual(
      events.map(({ type }) => type),
      ['protocolViolation'],
    )
    assert.equal(leader.status.commitIndex, 1)
    leader.receive('b', appendResponse({ term: 2, match: 2, chain }))
    assert.equal(leader.status.commitIndex, 2)
  })
})
