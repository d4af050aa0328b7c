import assert from 'node:assert/strict'
import type { PeerIdentity } from '../../../src/contracts/transport.ts'
import { PROTOCOL_MAX } from '../../../src/contracts/transport.ts'
import type { Member, Membership } from '../../../src/core/types.ts'
import { MembershipView } from '../../../src/runtime/peers/membership-view.ts'
import { PeerAdmission } from '../../../src/runtime/peers/peer-admission.ts'

describe('peer admission', () => {
  for (const { peer, from = 'c', disk = 'd2', code } of [
    { peer: 'n2', code: undefined },
    { peer: 'n2', from: 'other', code: 'ERR_RAFT_CLUSTER_MISMATCH' },
    { peer: 'n2', disk: 'new', code: 'ERR_RAFT_DIRECTORY_MISMATCH' },
    { peer: 'n3', disk: 'any', code: undefined },
    { peer: 'non-member', code: undefined },
    { peer: 'n1', disk: 'new', code: 'ERR_RAFT_DUPLICATE_NODE' },
  ])
    it(`${code === undefined ? 'admits' : `refuses with ${code}`} ${peer} of cluster ${from} with directory ${disk}`, () => {
      const refusal = peerAdmission().admit({ clusterId: from, nodeId: peer, directoryId: disk })
      assert.equal(refusal?.code, code)
    })

  it('returns the directory id of a peer once it is connected', () => {
    const admission = peerAdmission()
    admission.admit({ clusterId: 'c', nodeId: 'n3', directoryId: 'd3' })
    assert.equal(admission.onConnected('n3')?.directoryId, 'd3')
    assert.deepEqual(admission.connected, ['n3'])
    admission.onLost('n3')
    assert.deepEqual(admission.connected, [])
  })

  it('knows the protocol in use with each connected peer: the newest that both support', () => {
    const admission = peerAdmission()
    const versions = { n2: PROTOCOL_MAX - 1, n3: PROTOCOL_MAX + 1, n4: undefined }
    for (const [nodeId, protocol] of Object.entries(versions)) {
      admission.admit({ clusterId: 'c', nodeId, directoryId: `d${nodeId.slice(1)}`, protocol })
      admission.onConnected(nodeId)
    }
    assert.deepEqual(admission.protocols, [
      { id: 'n2', version: PROTOCOL_MAX - 1 },
      { id: 'n3', version: PROTOCOL_MAX },
    ])
    admission.onLost('n2')
    assert.deepEqual(admission.protocols, [{ id: 'n3', version: PROTOCOL_MAX }])
  })

  for (const { own, by, code = 'ERR_RAFT_DIRECTORY_MISMATCH', isFatal, because } of [
    { own: {}, by: 'n2', isFatal: true, because: 'a member knows another directory under this id' },
    { own: {}, by: 'non-member', isFatal: false, because: 'a non-member cannot decide it' },
    { own: { directoryId: 'd1' }, by: 'n2', isFatal: false, because: 'the membership contains this directory' },
    { own: { addedAt: 9 }, by: 'n2', isFatal: false, because: 'the member may not know of the replacement yet' },
    {
      own: {},
      by: 'n2',
      code: 'ERR_RAFT_DIRECTORY_ROLLED_BACK',
      isFatal: true,
      because: 'a member has seen another boot',
    },
    { own: { addedAt: 9 }, by: 'n2', code: 'ERR_RAFT_DUPLICATE_DIRECTORY', isFatal: true, because: 'a boot is a fact' },
    { own: {}, by: 'non-member', code: 'ERR_RAFT_DUPLICATE_DIRECTORY', isFatal: false, because: 'it is not a member' },
    { own: {}, by: 'n2', code: 'ERR_RAFT_CLUSTER_MISMATCH', isFatal: false, because: 'the address may be wrong' },
  ])
    it(`${isFatal ? 'stops the node' : 'continues'} if ${by} refuses it with ${code}: ${because}`, () => {
      assert.equal(peerAdmission(own).refusedBy(by, { code, message: 'go away' })?.code, isFatal ? code : undefined)
    })
})

describe('peer admission by boots', () => {
  const first = { number: 1, id: 'first', earlier: [] }
  const second = { number: 2, id: 'second', earlier: ['first'] }
  const copy = { number: 2, id: 'copy', earlier: ['first'] }
  const third = { number: 3, id: 'third', earlier: ['second', 'first'] }
  const identity = { clusterId: 'c', nodeId: 'n2', directoryId: 'd2' }

  for (const { what, boots, isConnected = false, code } of [
    { what: 'the same boot again', boots: [second, second] },
    { what: 'a restart', boots: [second, third] },
    { what: 'an older copy', boots: [third, second], code: 'ERR_RAFT_DIRECTORY_ROLLED_BACK' },
    { what: 'another copy', boots: [second, copy], code: 'ERR_RAFT_DIRECTORY_ROLLED_BACK' },
    { what: 'another copy', boots: [copy, third], code: 'ERR_RAFT_DIRECTORY_ROLLED_BACK' },
    {
      what: 'another copy while one is connected',
      boots: [second, copy],
      isConnected: true,
      code: 'ERR_RAFT_DUPLICATE_DIRECTORY',
    },
    {
      what: 'an older copy while one is connected',
      boots: [second, first],
      isConnected: true,
      code: 'ERR_RAFT_DUPLICATE_DIRECTORY',
    },
    { what: 'a build that does not count boots', boots: [second, undefined] },
  ])
    it(`${code === undefined ? 'admits' : `refuses with ${code}`} ${what}`, () => {
      const admission = peerAdmission()
      const [before, after] = boots.map((boot) => ({ ...identity, boot })) as [PeerIdentity, PeerIdentity]
      assert.equal(admission.admit(before), undefined)
      if (isConnected) admission.onConnected('n2')
      assert.equal(admission.admit(after)?.code, code)
    })

  it('refuses a member of the cluster that this one was recovered from, as replaced', () => {
    const view = new MembershipView('n1', 1, membership(member('n1')), {})
    const admission = new PeerAdmission(
      { ...identity, clusterId: 'new', nodeId: 'n1', directoryId: 'd1' },
      view,
      FIRST_VERSION,
      'c',
    )
    assert.equal(admission.admit(identity)?.code, 'ERR_RAFT_CLUSTER_REPLACED')
    assert.equal(admission.admit({ ...identity, clusterId: 'other' })?.code, 'ERR_RAFT_CLUSTER_MISMATCH')
  })

  it('stops a node whose cluster was replaced, if a member says so', () => {
    const refusal = { code: 'ERR_RAFT_CLUSTER_REPLACED', message: 'cluster c was replaced' } as const
    assert.equal(peerAdmission().refusedBy('n2', refusal)?.code, 'ERR_RAFT_CLUSTER_REPLACED')
    assert.equal(peerAdmission().refusedBy('n9', refusal), undefined)
  })

  it('refuses a state machine that supports less than the version in force', () => {
    const admission = peerAdmission({}, () => 3)
    assert.equal(admission.admit({ ...identity, machineVersion: 3 }), undefined)
    for (const machineVersion of [2, undefined])
      assert.equal(admission.admit({ ...identity, machineVersion })?.code, 'ERR_RAFT_MACHINE_TOO_OLD')
  })

  it('refuses a copy that contradicts the membership, also if it is connected already', () => {
    const view = new MembershipView('n1', 1, membership(member('n1'), { ...member('n2'), directoryId: 'd2' }), {})
    const admission = new PeerAdmission({ ...identity, nodeId: 'n1', directoryId: 'd1' }, view, FIRST_VERSION)
    admission.admit({ ...identity, boot: copy })
    admission.onConnected('n2')
    assert.deepEqual(admission.refusable, [])
    const bound = { ...member('n2'), directoryId: 'd2', boot: { number: 2, id: 'second' } }
    view.update({ type: 'membershipAdopted', index: 5, membership: membership(member('n1'), bound) })
    assert.deepEqual(admission.refusable, ['n2'])
    assert.equal(admission.admit({ ...identity, boot: copy })?.code, 'ERR_RAFT_DIRECTORY_ROLLED_BACK')
  })

  for (const { recorded, boot, code } of [
    { recorded: { number: 2, id: 'second' }, boot: second, code: undefined },
    { recorded: { number: 2, id: 'second' }, boot: third, code: undefined },
    { recorded: { number: 2, id: 'second' }, boot: copy, code: 'ERR_RAFT_DUPLICATE_DIRECTORY' },
    { recorded: { number: 2, id: 'second' }, boot: first, code: 'ERR_RAFT_DIRECTORY_ROLLED_BACK' },
  ])
    it(`${code === undefined ? 'continues' : `stops this node with ${code}`} at boot ${boot.id} if the log records boot ${recorded.id} of it`, () => {
      const own = { ...member('n1'), directoryId: 'd1', boot: recorded }
      const view = new MembershipView('n1', 1, membership(own), {})
      const admission = new PeerAdmission({ ...identity, nodeId: 'n1', directoryId: 'd1', boot }, view, FIRST_VERSION)
      assert.equal(admission.ownContradiction?.code, code)
    })
})

describe('the membership view', () => {
  it('keeps the addresses of removed members until they are forgotten', () => {
    const view = new MembershipView('n1', 1, membership(member('n1'), member('n2'), member('n3')), {})
    assert.ok(view.update({ type: 'membershipAdopted', index: 5, membership: membership(member('n1'), member('n2')) }))
    assert.deepEqual([...view.peerAddresses().keys()].sort(), ['n2', 'n3'])
    view.forgetRemoved()
    assert.deepEqual([...view.peerAddresses().keys()], ['n2'])
  })

  it('returns the new address of a member that has moved', () => {
    const view = new MembershipView('n1', 1, membership(member('n1'), member('n2')), { n2: 'old:1' })
    const moved = membership(member('n1'), { ...member('n2'), address: 'new:1' })
    view.update({ type: 'membershipAdopted', index: 5, membership: moved })
    assert.equal(view.peerAddresses().get('n2'), 'new:1')
    assert.equal(view.addressOf('n2'), 'new:1')
  })

  it('uses the configured addresses until this node is a member', () => {
    const view = new MembershipView('n4', 1, membership(), { n1: 'a:1', n4: 'd:1' })
    assert.deepEqual([...view.peerAddresses()], [['n1', 'a:1']])
    view.update({ type: 'membershipAdopted', index: 5, membership: membership(member('n2'), member('n4')) })
    assert.deepEqual([...view.peerAddresses().keys()], ['n2'])
  })

  it('reports this node as removed if most voters do and there is no leader', () => {
    const view = new MembershipView('n1', 1, membership(member('n1'), member('n2'), member('n3')), {})
    view.update({ type: 'toldRemoved', by: 'n2' })
    view.update({ type: 'toldRemoved', by: 'non-member' })
    assert.equal(view.isReportedRemoved, false)
    view.update({ type: 'leaderChanged', term: 2, leader: 'n3' })
    view.update({ type: 'toldRemoved', by: 'n3' })
    assert.equal(view.isReportedRemoved, false)
    view.update({ type: 'toldRemoved', by: 'n2' })
    assert.equal(view.isReportedRemoved, true)
  })

  it('returns the term of the leader in its hint', () => {
    const view = new MembershipView('n1', 1, membership(member('n1'), member('n2')), {})
    view.update({ type: 'leaderChanged', term: 4, leader: 'n2' })
    assert.deepEqual(view.leaderHint('n2', 'n2:1'), { id: 'n2', address: 'n2:1', term: 4 })
    assert.deepEqual(view.leaderHint('n1', 'n1:1'), { id: 'n1', address: 'n1:1', term: undefined })
    assert.equal(view.leaderHint(undefined, undefined), undefined)
  })
})

const FIRST_VERSION = (): number => 1

function peerAdmission(own: Partial<Member> = {}, machineVersion = FIRST_VERSION): PeerAdmission {
  const members = [{ ...member('n1'), ...own }, { ...member('n2'), directoryId: 'd2' }, member('n3')]
  return new PeerAdmission(
    { clusterId: 'c', nodeId: 'n1', directoryId: 'd1' },
    new MembershipView('n1', 1, membership(...members), {}),
    machineVersion,
  )
}

function member(id: string): Member {
  return { id, address: `${id}:1`, directoryId: '', addedAt: 0, promote: false }
}

function membership(...members: readonly Member[]): Membership {
  return { members, voters: members.map(({ id }) => id), outgoing: [], learners: [] }
}
