import assert from 'node:assert/strict'
import type { Member, Membership } from '../../../src/core/types.ts'
import { MembershipView } from '../../../src/runtime/peers/membership-view.ts'
import { PeerAdmission } from '../../../src/runtime/peers/peer-admission.ts'

describe('the gate', () => {
  for (const { comes, from = 'c', disk = 'd2', code } of [
    { comes: 'n2', code: undefined },
    { comes: 'n2', from: 'other', code: 'ERR_RAFT_CLUSTER_MISMATCH' },
    { comes: 'n2', disk: 'new', code: 'ERR_RAFT_DIRECTORY_MISMATCH' },
    { comes: 'n3', disk: 'any', code: undefined },
    { comes: 'stranger', code: undefined },
    { comes: 'n1', disk: 'new', code: 'ERR_RAFT_DUPLICATE_NODE' },
  ])
    it(`${code === undefined ? 'lets in' : `refuses with ${code}`} ${comes} of cluster ${from} with disk ${disk}`, () => {
      const refusal = peerAdmission().admit({ clusterId: from, nodeId: comes, directoryId: disk })
      assert.equal(refusal?.code, code)
    })

  it('shows the directory a peer came with once it is connected', () => {
    const it = peerAdmission()
    it.admit({ clusterId: 'c', nodeId: 'n3', directoryId: 'd3' })
    assert.equal(it.onConnected('n3'), 'd3')
    assert.deepEqual(it.connected, ['n3'])
    it.onLost('n3')
    assert.deepEqual(it.connected, [])
  })

  for (const { own, by, code = 'ERR_RAFT_DIRECTORY_MISMATCH', isFatal, because } of [
    { own: {}, by: 'n2', isFatal: true, because: 'a member knows another disk by our name' },
    { own: {}, by: 'stranger', isFatal: false, because: 'whoever is no member decides nothing' },
    { own: { directoryId: 'd1' }, by: 'n2', isFatal: false, because: 'the membership says that this is the disk' },
    { own: { addedAt: 9 }, by: 'n2', isFatal: false, because: 'the member has not heard of the replacement yet' },
    { own: {}, by: 'n2', code: 'ERR_RAFT_CLUSTER_MISMATCH', isFatal: false, because: 'an address may be wrong' },
  ])
    it(`takes a refusal by ${by} ${isFatal ? 'for the end' : 'lightly'}: ${because} (${code})`, () => {
      assert.equal(peerAdmission(own).refusedBy(by, { code, message: 'go away' })?.code, isFatal ? code : undefined)
    })
})

describe('the roster', () => {
  it('keeps the links of those who have left until they had time to hear of it', () => {
    const roster = new MembershipView('n1', 1, membership(member('n1'), member('n2'), member('n3')), {})
    assert.ok(
      roster.update({ type: 'membershipAdopted', index: 5, membership: membership(member('n1'), member('n2')) }),
    )
    assert.deepEqual([...roster.peerAddresses().keys()].sort(), ['n2', 'n3'])
    roster.forgetRemoved()
    assert.deepEqual([...roster.peerAddresses().keys()], ['n2'])
  })

  it('follows a member to its new address', () => {
    const roster = new MembershipView('n1', 1, membership(member('n1'), member('n2')), { n2: 'old:1' })
    const moved = membership(member('n1'), { ...member('n2'), address: 'new:1' })
    roster.update({ type: 'membershipAdopted', index: 5, membership: moved })
    assert.equal(roster.peerAddresses().get('n2'), 'new:1')
    assert.equal(roster.addressOf('n2'), 'new:1')
  })

  it('uses the addresses it was given as long as it is no member', () => {
    const roster = new MembershipView('n4', 1, membership(), { n1: 'a:1', n4: 'd:1' })
    assert.deepEqual([...roster.peerAddresses()], [['n1', 'a:1']])
    roster.update({ type: 'membershipAdopted', index: 5, membership: membership(member('n2'), member('n4')) })
    assert.deepEqual([...roster.peerAddresses().keys()], ['n2'])
  })

  it('believes that this node was removed when most voters say so and no leader is heard', () => {
    const roster = new MembershipView('n1', 1, membership(member('n1'), member('n2'), member('n3')), {})
    roster.update({ type: 'toldRemoved', by: 'n2' })
    roster.update({ type: 'toldRemoved', by: 'stranger' })
    assert.equal(roster.isReportedRemoved, false)
    roster.update({ type: 'leaderChanged', term: 2, leader: 'n3' })
    roster.update({ type: 'toldRemoved', by: 'n3' })
    assert.equal(roster.isReportedRemoved, false)
    roster.update({ type: 'toldRemoved', by: 'n2' })
    assert.equal(roster.isReportedRemoved, true)
  })

  it('says of which term a leader is', () => {
    const roster = new MembershipView('n1', 1, membership(member('n1'), member('n2')), {})
    roster.update({ type: 'leaderChanged', term: 4, leader: 'n2' })
    assert.deepEqual(roster.leaderHint('n2'), { id: 'n2', address: 'n2:1', term: 4 })
    assert.deepEqual(roster.leaderHint('n1'), { id: 'n1', address: 'n1:1', term: undefined })
    assert.equal(roster.leaderHint(undefined), undefined)
  })
})

function peerAdmission(own: Partial<Member> = {}): PeerAdmission {
  const members = [{ ...member('n1'), ...own }, { ...member('n2'), directoryId: 'd2' }, member('n3')]
  return new PeerAdmission(
    { clusterId: 'c', nodeId: 'n1', directoryId: 'd1' },
    new MembershipView('n1', 1, membership(...members), {}),
  )
}

function member(id: string): Member {
  return { id, address: `${id}:1`, directoryId: '', addedAt: 0, promote: false }
}

function membership(...members: readonly Member[]): Membership {
  return { members, voters: members.map(({ id }) => id), outgoing: [], learners: [] }
}
