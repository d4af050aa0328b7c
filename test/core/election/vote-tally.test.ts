import assert from 'node:assert/strict'
import fc from 'fast-check'
import { VoteTally } from '../../../src/core/election/vote-tally.ts'
import { memberships, nodeIds } from '../arbitraries.ts'
import { membershipOf } from '../builders.ts'

describe('a vote tally', () => {
  it('is won with a majority of the voters', () => {
    const ballot = ballotOf(['a', true], ['b', true])
    assert.equal(ballot.result(membershipOf('a b c')), 'won')
    assert.equal(ballot.result(membershipOf('a b c d')), 'open')
  })

  it('counts one vote per voter', () => {
    assert.equal(ballotOf(['b', true], ['b', true], ['b', true]).result(membershipOf('a b c')), 'open')
  })

  it('counts the first vote of each voter', () => {
    assert.equal(ballotOf(['a', true], ['b', false], ['b', true]).result(membershipOf('a b c')), 'open')
    assert.equal(ballotOf(['a', true], ['b', true], ['b', false]).result(membershipOf('a b c')), 'won')
  })

  it('is lost once a majority has denied its vote', () => {
    assert.equal(ballotOf(['b', false], ['c', false]).result(membershipOf('a b c')), 'lost')
  })

  it('knows which voters have voted, either way', () => {
    const ballot = ballotOf(['a', true], ['b', false])
    assert.deepEqual(
      ['a', 'b', 'c'].map((id) => ballot.hasVoted(id)),
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

function ballotOf(...votes: readonly (readonly [string, boolean])[]): VoteTally {
  const ballot = new VoteTally()
  for (const [voter, isGranted] of votes) ballot.record(voter, isGranted)
  return ballot
}
