import assert from 'node:assert/strict'
import type { Role } from '../../../src/core/index.ts'
import {
  becomeCandidate,
  becomeLeader,
  becomePreCandidate,
  LEGAL_TRANSITIONS,
} from '../../../src/core/rules/transition.ts'
import { candidateOf, followerOf, leaderOf, preCandidateOf, type TestNode } from '../builders.ts'

const OF_ROLE: Readonly<Record<Role, () => TestNode>> = {
  follower: () => followerOf('a b c', { term: 2 }),
  'pre-candidate': () => preCandidateOf('a b c', { term: 3 }),
  candidate: () => candidateOf('a b c', { term: 2 }),
  leader: () => leaderOf('a b c', { term: 2 }),
}

const BECOME = {
  'pre-candidate': becomePreCandidate,
  candidate: (state: TestNode['state']) => becomeCandidate(state, false),
  leader: becomeLeader,
}

describe('the legal role transitions (Figure 4)', () => {
  it('let a leader become only a follower, and only a candidate become leader', () => {
    assert.deepEqual(LEGAL_TRANSITIONS.leader, ['follower'])
    const mayBecomeLeader = (Object.keys(LEGAL_TRANSITIONS) as Role[]).filter((role) =>
      LEGAL_TRANSITIONS[role].includes('leader'),
    )
    assert.deepEqual(mayBecomeLeader, ['candidate'])
  })

  for (const from of Object.keys(OF_ROLE) as Role[]) {
    for (const to of Object.keys(BECOME) as (keyof typeof BECOME)[]) {
      const isLegal = LEGAL_TRANSITIONS[from].includes(to)
      it(`${isLegal ? 'let' : 'do not let'} a ${from} become a ${to}`, () => {
        const { state } = OF_ROLE[from]()
        assert.equal(state.role.type, from)
        if (isLegal) BECOME[to](state)
        else assert.throws(() => BECOME[to](state), /invariant violated: a .* may become a/)
        assert.equal(state.role.type, isLegal ? to : from)
      })
    }
  }
})
