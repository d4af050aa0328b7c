import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  allVoters,
  bootstrapMembership,
  EMPTY_MEMBERSHIP,
  isJoint,
  isMember,
  isVoter,
  memberOf,
  membershipProblem,
} from '../../../src/core/membership/membership.ts'
import { memberships } from '../arbitraries.ts'
import { memberNamed, membershipOf } from '../builders.ts'

describe('a membership', () => {
  it('of a new cluster has only voters, sorted and without directory ids', () => {
    const membership = bootstrapMembership({ c: 'c:1', a: 'a:1', b: 'b:1' })
    assert.deepEqual(membership, {
      ...EMPTY_MEMBERSHIP,
      members: ['a', 'b', 'c'].map((id) => memberNamed(id)),
      voters: ['a', 'b', 'c'],
    })
  })

  it('is joint if it has an outgoing half', () => {
    assert.equal(isJoint(membershipOf('a b & a c')), true)
    assert.equal(isJoint(membershipOf('a b')), false)
  })

  it('has the voters of both halves as voters, and the learners as members too', () => {
    const joint = membershipOf('a b +d & b c')
    assert.deepEqual(
      ['a', 'b', 'c', 'd', 'x'].map((id) => isVoter(joint, id)),
      [true, true, true, false, false],
    )
    assert.deepEqual(
      ['a', 'c', 'd', 'x'].map((id) => isMember(joint, id)),
      [true, true, true, false],
    )
    assert.deepEqual(allVoters(joint), ['a', 'b', 'c'])
    assert.equal(memberOf(joint, 'x'), undefined)
  })

  it('is valid if it results from the functions of this module', () => {
    fc.assert(fc.property(memberships(), (membership) => assert.equal(membershipProblem(membership), undefined)))
    assert.equal(membershipProblem(EMPTY_MEMBERSHIP), undefined)
  })

  for (const { flaw, broken } of [
    { flaw: 'a learner is also a voter', broken: { ...membershipOf('a b'), learners: ['a'] } },
    { flaw: 'x is not a member', broken: { ...membershipOf('a b'), learners: ['x'] } },
    {
      flaw: 'a member appears twice',
      broken: { ...EMPTY_MEMBERSHIP, members: [memberNamed('a'), memberNamed('a')], voters: ['a'] },
    },
    { flaw: 'a voter or learner appears twice', broken: { ...membershipOf('a b'), voters: ['a', 'a'] } },
    { flaw: 'there are no voters', broken: { ...membershipOf('a b'), voters: [] } },
  ]) {
    it(`is invalid if ${flaw}`, () => assert.equal(membershipProblem(broken), flaw))
  }
})
