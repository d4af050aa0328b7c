import assert from 'node:assert/strict'
import fc from 'fast-check'
import { VoteTally } from '../../../src/core/election/vote-tally.ts'
import { memberships, nodeIds } from '../arbitraries.ts'
import { membershipOf } from '../builders.ts'

describe('a vote tally', () => {
  it('is won with a majority of the voters', () => {
    const tally = tallyOf(['a', true], ['b', true])
    assert.equal(tally.result(membershipOf('a b c')), 'won')
    assert.equal(tally.result(membershipOf('a b c d')), 'open')
  })

  it('counts one vote per voter', () => {
    assert.equal(tallyOf(['b', true], ['b', true], ['b', true]).result(membershipOf('a b c')), 'open')
  })

  it('counts the first vote of each voter', () => {
    assert.equal(tallyOf(['a', true], ['b', false], ['b', true]).result(membershipOf('a b c')), 'open')
    assert.equal(tallyOf(['a', true], ['b', true], ['b', false]).result(membershipOf('a b c')), 'won')
  })

  it('is lost once a majority has denied its vote', () => {
    assert.equal(tallyOf(['b', false], ['c', false]).result(membershipOf('a b c')), 'lost')
  })

  it('knows which voters have voted, either way', () => {
    const tally = tallyOf(['a', true], ['b', false])
    assert.deepEqual(
      ['a', 'b', 'c'].map((id) => tally.hasVoted(id)),
      [true, true, false],
    )
  })

  it('never has two winners if every voter votes once', () => {
    fc.assert(
      fc.property(memberships(), fc.dictionary(nodeIds(), fc.boolean()), (members, forOne) => {
        const one = new VoteTally()
        const other = new VoteTally()
        for (const [id, isForOne] of Object.entries(forOne)) {
          one.record(id, isForOne)
          other.record(id, !isForOne)
        }
        assert.ok(one.result(members) !== 'won' || other.result(members) !== 'won')
      }),
    )
  })
})

function tallyOf(...votes: readonly (readonly [string, boolean])[]): VoteTally {
  const tally = new VoteTally()
  for (const [voter, isGranted] of votes) tally.record(voter, isGranted)
  return tally
}
