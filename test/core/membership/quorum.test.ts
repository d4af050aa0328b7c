import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Membership, NodeId } from '../../../src/core/index.ts'
import { electionResult, isQuorum, quorumValue } from '../../../src/core/membership/quorum.ts'
import { memberships, nodeIds } from '../arbitraries.ts'
import { membershipOf } from '../builders.ts'

describe('the value that a quorum has reached', () => {
  for (const { members, reached, value } of [
    { members: 'a', reached: 'a7', value: 7 },
    { members: 'a b', reached: 'a7 b3', value: 3 },
    { members: 'a b c', reached: 'a5 b4 c3', value: 4 },
    { members: 'a b c', reached: 'a5', value: 0 },
    { members: 'a b c d', reached: 'a9 b8 c7 d1', value: 7 },
    { members: 'a b c d e', reached: 'a9 b8 c7 d1 e1', value: 7 },
    { members: 'a b c +d', reached: 'a1 b2 c3 d9', value: 2 },
    // Joint: the lower value counts.
    { members: 'a b c & c d', reached: 'a5 b5 c3 d9', value: 3 },
    { members: 'a b c & a b c', reached: 'a5 b4 c3', value: 4 },
    { members: 'a & b', reached: 'a5 b9', value: 5 },
    { members: '', reached: 'a5', value: -Infinity },
  ]) {
    it(`is ${value} when (${members}) reached ${reached}`, () => {
      assert.equal(quorumValue(membershipOf(members), indexesOf(reached)), value)
    })
  }

  it('equals the result of trying every index', () => {
    fc.assert(
      fc.property(memberships(), fc.dictionary(nodeIds(), fc.nat(9)), (members, reached) => {
        const reachedBy = (id: NodeId): number => reached[id] ?? 0
        assert.equal(quorumValue(members, reachedBy), slowQuorumValue(members, reachedBy))
      }),
    )
  })

  it('does not depend on learners and non-members', () => {
    fc.assert(
      fc.property(memberships(), fc.dictionary(nodeIds(), fc.nat(9)), (members, reached) => {
        const isVoter = (id: NodeId): boolean => members.voters.includes(id) || members.outgoing.includes(id)
        const value = quorumValue(members, (id) => reached[id] ?? 0)
        assert.equal(
          value,
          quorumValue(members, (id) => (isVoter(id) ? (reached[id] ?? 0) : 99)),
        )
      }),
    )
  })
})

describe('a quorum', () => {
  it('overlaps with every other quorum of the same membership', () => {
    fc.assert(
      fc.property(memberships(), fc.uniqueArray(nodeIds()), fc.uniqueArray(nodeIds()), (members, one, other) => {
        fc.pre(isQuorum(members, (id) => one.includes(id)) && isQuorum(members, (id) => other.includes(id)))
        assert.ok(one.some((id) => other.includes(id)))
      }),
    )
  })

  it('needs a majority of both halves of a joint membership', () => {
    const joint = membershipOf('a b c & c d e')
    assert.equal(isQuorum(joint, isOneOf('a b')), false)
    assert.equal(isQuorum(joint, isOneOf('a b d')), false)
    assert.equal(isQuorum(joint, isOneOf('b c d')), true)
  })
})

describe('the result of an election', () => {
  for (const { members, granted, denied, result } of [
    { members: 'a b c', granted: 'a', denied: '', result: 'open' },
    { members: 'a b c', granted: 'a b', denied: '', result: 'won' },
    { members: 'a b c', granted: 'a', denied: 'b c', result: 'lost' },
    { members: 'a b', granted: 'a', denied: 'b', result: 'lost' },
    { members: 'a b c d', granted: 'a b', denied: 'c', result: 'open' },
    { members: 'a b c d', granted: 'a b', denied: 'c d', result: 'lost' },
    { members: 'a b c +d', granted: 'a d', denied: '', result: 'open' },
    { members: 'a b c & c d e', granted: 'a b c', denied: '', result: 'open' },
    { members: 'a b c & c d e', granted: 'a b c d', denied: 'e', result: 'won' },
    { members: 'a b c & c d e', granted: 'a b c', denied: 'd e', result: 'lost' },
    { members: '', granted: 'a', denied: '', result: 'lost' },
  ]) {
    it(`is ${result} in (${members}) with votes granted by [${granted}] and denied by [${denied}]`, () => {
      const isGranted = isOneOf(granted)
      const isDenied = isOneOf(denied)
      const voteOf = (id: NodeId) => (isGranted(id) ? 'granted' : isDenied(id) ? 'denied' : 'open')
      assert.equal(electionResult(membershipOf(members), voteOf), result)
    })
  }
})

/** Finds the greatest value that a majority of each half has reached by trying all of them. */
function slowQuorumValue({ voters, outgoing }: Membership, reachedBy: (id: NodeId) => number): number {
  const halves = outgoing.length === 0 ? [voters] : [voters, outgoing]
  for (let index = 9; index >= 0; index--) {
    if (halves.every((half) => half.filter((id) => reachedBy(id) >= index).length * 2 > half.length)) return index
  }
  return -Infinity
}

/** 'a5 b4': the value each node has reached; 0 for other nodes. */
function indexesOf(text: string): (id: NodeId) => number {
  const indexes = new Map(text.split(' ').map((word) => [word.charAt(0), Number(word.slice(1))]))
  return (id) => indexes.get(id) ?? 0
}

function isOneOf(ids: string): (id: NodeId) => boolean {
  return (id) => ids.split(' ').includes(id)
}
