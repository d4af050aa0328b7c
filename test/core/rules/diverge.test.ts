import assert from 'node:assert/strict'
import type { Message } from '../../../src/core/index.ts'
import { appendRequest, followerOf, membershipOf, snapshotAt, snapshotRequest, type TestNode } from '../builders.ts'

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
