import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Membership, MembershipChange, NodeId } from '../../../src/core/index.ts'
import {
  applyChange,
  leaveJoint,
  moveMembers,
  NO_METADATA,
  recordSeenPeers,
} from '../../../src/core/membership/change.ts'
import { isJoint, memberOf, membershipProblem } from '../../../src/core/membership/membership.ts'
import { isQuorum } from '../../../src/core/membership/quorum.ts'
import type { Boot, MemberMetadata } from '../../../src/core/types.ts'
import { formatMembership } from '../../../src/testing/text/format-message.ts'
import { nodeIds, simpleMemberships } from '../arbitraries.ts'
import { memberNamed, membershipOf } from '../builders.ts'

const AT = 10

describe('a membership change', () => {
  const d = { id: 'd', address: 'd:9' }
  for (const { from, change, to } of [
    { from: 'a b c', change: { add: [d] }, to: '(a b c +d)' },
    { from: 'a b c +d', change: { promote: ['d'] }, to: '(a b c d)' },
    { from: 'a b c', change: { add: [d], promote: ['d'] }, to: '(a b c +d)' },
    { from: 'a b c +e', change: { add: [d], promote: ['d', 'e'] }, to: '(a b c e +d)' },
    { from: 'a b c', change: { demote: ['c'] }, to: '(a b +c)' },
    { from: 'a b c', change: { remove: ['c'] }, to: '(a b)' },
    { from: 'a b c +d', change: { remove: ['d'] }, to: '(a b c)' },
    { from: 'a b', change: { remove: ['b'] }, to: '(a)' },
    // Two or more voters change: through a joint membership.
    { from: 'a b c +d', change: { promote: ['d'], remove: ['c'] }, to: '(a b d)&(a b c)' },
    { from: 'a b c +d', change: { promote: ['d'], demote: ['c'] }, to: '(a b d +c)&(a b c)' },
    { from: 'a b c +d +e', change: { promote: ['d', 'e'] }, to: '(a b c d e)&(a b c)' },
    { from: 'a b c', change: { remove: ['b', 'c'] }, to: '(a)&(a b c)' },
    // Learners change in one step.
    { from: 'a b c +d', change: { add: [{ id: 'e', address: 'e:9' }], remove: ['d'] }, to: '(a b c +e)' },
  ] satisfies { from: string; change: MembershipChange; to: string }[]) {
    it(`turns (${from}) into ${to} by ${JSON.stringify(change)}`, () => {
      assert.equal(formatMembership(resultOf(from, change)), to)
    })
  }

  it('that adds and promotes a newcomer has the leader promote it later', () => {
    const named = resultOf('a b c', { add: [d], promote: ['d'] })
    assert.deepEqual(named, resultOf('a b c', { add: [{ ...d, promote: true }] }))
    assert.equal(memberOf(named, 'd')?.promote, true)
  })

  for (const { from, change, detail } of [
    { from: 'a b c', change: {}, detail: 'the change is empty' },
    { from: 'a b c', change: { add: [], remove: [] }, detail: 'the change is empty' },
    { from: 'a b c', change: { add: [{ id: 'a', address: 'x:1' }] }, detail: 'a is already a member' },
    {
      from: 'a b c',
      change: { add: [{ id: 'd', address: 'a:1' }] },
      detail: 'a and d would have the same address a:1',
    },
    {
      from: 'a b c',
      change: { add: [d, { id: 'e', address: 'd:9' }] },
      detail: 'e and d would have the same address d:9',
    },
    { from: 'a b c', change: { add: [{ id: '', address: 'x:1' }] }, detail: 'a new member needs an id and an address' },
    { from: 'a b c', change: { add: [{ id: 'd', address: '' }] }, detail: 'a new member needs an id and an address' },
    { from: 'a b c', change: { promote: ['a'] }, detail: 'a is not a learner' },
    { from: 'a b c', change: { promote: ['x'] }, detail: 'x is not a learner' },
    { from: 'a b c +d', change: { demote: ['d'] }, detail: 'd is not a voter' },
    { from: 'a b c', change: { remove: ['x'] }, detail: 'x is not a member' },
    { from: 'a b c', change: { move: [{ id: 'x', address: 'x:1' }] }, detail: 'x is not a member' },
    {
      from: 'a b c',
      change: { move: [{ id: 'a', address: 'b:1' }] },
      detail: 'b and a would have the same address b:1',
    },
    { from: 'a b c', change: { move: [{ id: 'a', address: '' }] }, detail: 'the new address of a is empty' },
    { from: 'a b c', change: { demote: ['c'], remove: ['c'] }, detail: 'c appears twice in the change' },
    { from: 'a', change: { remove: ['a'] }, detail: 'there would be no voters' },
    { from: 'a b', change: { demote: ['a', 'b'] }, detail: 'there would be no voters' },
    { from: 'a b & a c', change: { remove: ['a'] }, detail: 'the membership is joint' },
  ] satisfies { from: string; change: MembershipChange; detail: string }[]) {
    it(`is rejected because ${detail}`, () => {
      assert.deepEqual(applyChange(membershipOf(from), change, AT), { type: 'rejected', detail })
    })
  }

  it('gives a new member the session of the entry that adds it, and changes no other session', () => {
    const { members } = resultOf('a b c', { add: [{ ...d, promote: true }] })
    assert.deepEqual(members, [
      ...['a', 'b', 'c'].map((id) => memberNamed(id)),
      { ...d, directoryId: '', addedAt: AT, promote: true },
    ])
  })

  it('may give a new member the address of a member that it removes', () => {
    const change = { remove: ['c'], add: [{ id: 'd', address: 'c:1' }] }
    assert.equal(memberOf(resultOf('a b c', change), 'd')?.address, 'c:1')
  })

  it('may exchange the addresses of two members', () => {
    const move = [
      { id: 'a', address: 'b:1' },
      { id: 'b', address: 'a:1' },
    ]
    const moved = resultOf('a b c', { move })
    assert.deepEqual(
      moved.members.map(({ address }) => address),
      ['b:1', 'a:1', 'c:1'],
    )
  })

  it('clears the promote flag of a promoted learner', () => {
    const learner = { ...memberNamed('d'), promote: true }
    const current = membershipOf('a b c +d')
    const members = current.members.map((member) => (member.id === 'd' ? learner : member))
    const result = applyChange({ ...current, members }, { promote: ['d'] }, AT)
    assert.ok(result.type === 'changed')
    assert.equal(memberOf(result.membership, 'd')?.promote, false)
  })

  it('always gives a valid membership whose quorums overlap with those of the previous one', () => {
    fc.assert(
      fc.property(simpleMemberships(), changes(), subsets(), subsets(), (current, change, one, other) => {
        const result = applyChange(current, change, AT)
        if (result.type === 'rejected') return
        const next = result.membership
        assert.equal(membershipProblem(next), undefined)
        assertOverlap(current, next, one, other)
        assertOverlap(next, isJoint(next) ? leaveJoint(next) : next, one, other)
        assert.equal(membershipProblem(leaveJoint(next)), undefined)
      }),
      { numRuns: 2000 },
    )
  })

  it('is joint if and only if more than one voter changes', () => {
    fc.assert(
      fc.property(simpleMemberships(), changes(), (current, change) => {
        const result = applyChange(current, change, AT)
        if (result.type === 'rejected') return
        const { voters } = result.membership
        const removed = current.voters.filter((id) => !voters.includes(id))
        const added = voters.filter((id) => !current.voters.includes(id))
        assert.equal(isJoint(result.membership), removed.length + added.length > 1)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('leaving a joint membership', () => {
  it('keeps the incoming half and drops members that are only in the outgoing one', () => {
    const left = leaveJoint(membershipOf('a b d & a b c'))
    assert.equal(formatMembership(left), '(a b d)')
    assert.equal(memberOf(left, 'c'), undefined)
  })

  it('keeps a voter of the outgoing half that becomes a learner', () => {
    const joint = resultOf('a b c +d', { promote: ['d'], demote: ['c'] })
    assert.equal(formatMembership(leaveJoint(joint)), '(a b d +c)')
  })
})

describe('recording what peers have sent', () => {
  it('records the ids of members that have none', () => {
    const seen = new Map([
      ['a', 'one'],
      ['x', 'two'],
    ])
    const bound = bind(membershipOf('a b'), seen)
    assert.deepEqual(
      bound.members.map(({ directoryId }) => directoryId),
      ['one', ''],
    )
  })

  it('returns the same membership if there is nothing to record', () => {
    const bound = bind(membershipOf('a b'), new Map([['a', 'one']]))
    assert.equal(bind(bound, new Map([['a', 'another']])), bound)
    assert.equal(bind(bound, new Map([['b', '']])), bound)
  })

  it('records a newer boot of a recorded directory, and of one that it records now', () => {
    const seen = new Map([
      ['a', 'one'],
      ['b', 'two'],
    ])
    const first = bind(membershipOf('a b'), seen, new Map([['a', { number: 3, id: 'third' }]]))
    assert.deepEqual(
      first.members.map(({ boot }) => boot),
      [{ number: 3, id: 'third' }, undefined],
    )
    const next = new Map([
      ['a', { number: 4, id: 'fourth' }],
      ['b', { number: 1, id: 'first' }],
    ])
    assert.deepEqual(
      bind(first, seen, next).members.map(({ boot }) => boot?.number),
      [4, 1],
    )
  })

  it('records no earlier boot, and none of another directory', () => {
    const seen = new Map([['a', 'one']])
    const bound = bind(membershipOf('a'), seen, new Map([['a', { number: 3, id: 'third' }]]))
    assert.equal(bind(bound, seen, new Map([['a', { number: 2, id: 'second' }]])), bound)
    assert.equal(bind(bound, new Map([['a', 'other']]), new Map([['a', { number: 9, id: 'ninth' }]])), bound)
  })

  it('records what a member says of itself, replaces it, and removes it', () => {
    const seen = new Map([['a', 'one']])
    const says = (metadata: MemberMetadata) => new Map([['a', metadata]])
    const first = bind(membershipOf('a b'), seen, new Map(), says({ http: 'a:80' }))
    assert.deepEqual(first.members[0]?.metadata, { http: 'a:80' })
    assert.equal(bind(first, seen, new Map(), says({ http: 'a:80' })), first)
    assert.equal(bind(first, seen), first)
    const next = bind(first, seen, new Map(), says({ http: 'a:81', zone: 'x' }))
    assert.deepEqual(next.members[0]?.metadata, { http: 'a:81', zone: 'x' })
    assert.equal(bind(next, seen, new Map(), says(NO_METADATA)).members[0]?.metadata, undefined)
    assert.equal(bind(first, new Map([['a', 'other']]), new Map(), says({ http: 'b:80' })), first)
  })
})

describe('moved members', () => {
  const bound = {
    ...membershipOf('a b c'),
    members: ['a', 'b', 'c'].map((id) => ({ ...memberNamed(id), directoryId: `disk of ${id}` })),
  }
  const [atA, atB, atC] = bound.members.map(({ address }) => address) as [string, string, string]
  for (const { what, places, addresses } of [
    { what: 'get the addresses at which they are found', places: { b: 'new:1' }, addresses: [atA, 'new:1', atC] },
    { what: 'may exchange their addresses', places: { a: atB, b: atA }, addresses: [atB, atA, atC] },
    {
      what: 'may take the address of one that moves too',
      places: { a: atB, b: 'new:1' },
      addresses: [atB, 'new:1', atC],
    },
    { what: 'do not get an address that another member keeps', places: { a: atC, b: atA }, addresses: [atA, atB, atC] },
    { what: 'do not get one address for two', places: { a: 'new:1', b: 'new:1' }, addresses: [atA, 'new:1', atC] },
  ])
    it(what, () => {
      const moved = moveMembers(bound, (id) => new Map(Object.entries(places)).get(id))
      assert.deepEqual(
        moved.members.map(({ address }) => address),
        addresses,
      )
    })

  it('are left alone if there is nothing to record, or their directory is not known', () => {
    assert.equal(
      moveMembers(bound, (id) => (id === 'a' ? atA : undefined)),
      bound,
    )
    assert.equal(
      moveMembers(bound, (id) => (id === 'stranger' ? 'new:1' : undefined)),
      bound,
    )
    const unbound = membershipOf('a b c')
    assert.equal(
      moveMembers(unbound, (id) => (id === 'a' ? 'new:1' : undefined)),
      unbound,
    )
  })
})

function resultOf(from: string, change: MembershipChange): Membership {
  const result = applyChange(membershipOf(from), change, AT)
  if (result.type === 'rejected') throw new Error(result.detail)
  return result.membership
}

function changes(): fc.Arbitrary<MembershipChange> {
  const ids = fc.uniqueArray(nodeIds(), { maxLength: 3 })
  const places = fc
    .uniqueArray(nodeIds(), { maxLength: 2 })
    .map((list) => list.map((id) => ({ id, address: `${id}:2` })))
  return fc.record({ add: places, promote: ids, demote: ids, remove: ids, move: places }, { requiredKeys: [] })
}

function subsets(): fc.Arbitrary<NodeId[]> {
  return fc.subarray(['a', 'b', 'c', 'd', 'e', 'f', 'g'])
}

/** A quorum of the previous membership and a quorum of the next one are never disjoint. */
function assertOverlap(before: Membership, after: Membership, one: NodeId[], other: NodeId[]): void {
  const isDecision = isQuorum(before, (id) => one.includes(id)) && isQuorum(after, (id) => other.includes(id))
  assert.ok(!isDecision || one.some((id) => other.includes(id)), `${one} and ${other} decide independently`)
}

function bind(
  membership: Membership,
  seenDirectoryIds: ReadonlyMap<string, string>,
  seenBoots: ReadonlyMap<string, Boot> = new Map(),
  seenMetadata: ReadonlyMap<string, MemberMetadata> = new Map(),
): Membership {
  const seen = [...seenDirectoryIds].map(([id, directoryId]) => {
    return [id, { directoryId, boot: seenBoots.get(id), metadata: seenMetadata.get(id) }] as const
  })
  return recordSeenPeers(membership, new Map(seen))
}
