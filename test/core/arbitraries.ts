/** Random memberships and logs for the property tests of the core. */
import fc from 'fast-check'
import type { Block, Membership, NodeId } from '../../src/core/index.ts'
import { membershipOf } from './builders.ts'

const IDS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'] as const

export function nodeIds(): fc.Arbitrary<NodeId> {
  return fc.constantFrom(...IDS)
}

/** Simple memberships with learners, and joint ones. */
export function memberships(): fc.Arbitrary<Membership> {
  return fc.oneof(simpleMemberships(), jointMemberships())
}

export function simpleMemberships(): fc.Arbitrary<Membership> {
  return fc
    .record({ voters: fc.subarray([...IDS], { minLength: 1 }), learners: fc.subarray([...IDS]) })
    .map(({ voters, learners }) => {
      const learnersOnly = learners.filter((id) => !voters.includes(id))
      return membershipOf([...voters, ...learnersOnly.map((id) => `+${id}`)].join(' '))
    })
}

function jointMemberships(): fc.Arbitrary<Membership> {
  const half = (): fc.Arbitrary<NodeId[]> => fc.subarray([...IDS], { minLength: 1 })
  return fc
    .tuple(half(), half())
    .map(([incoming, outgoing]) => membershipOf(`${incoming.join(' ')} & ${outgoing.join(' ')}`))
}

/** Contiguous blocks from index 1 whose terms never decrease. */
export function logs(blocksMax: number = 12): fc.Arbitrary<readonly Block[]> {
  const shapes = fc.record({
    rise: fc.constantFrom(0, 0, 0, 1, 2),
    count: fc.integer({ min: 1, max: 4 }),
    size: fc.integer({ min: 0, max: 100 }),
  })
  return fc.array(shapes, { maxLength: blocksMax }).map((list) => {
    let first = 1
    let term = 1
    return list.map(({ rise, count, size }) => {
      term += rise
      const block: Block = { first, term, count, size, checksum: 7, kind: 'commands' }
      first += count
      return block
    })
  })
}
