/** What a transport of one's own receives besides messages is checked before the host sees it. */
import assert from 'node:assert/strict'
import { isRaftError, type PeerIdentity } from 'quorate'
import { refusalError, validatePeerIdentity, validateRefusal, validateSnapshotRequest } from 'quorate/tcp'

const IDENTITY: Required<PeerIdentity> = {
  ...{ clusterId: 'c', nodeId: 'n1', directoryId: 'd1', protocol: 3, machineVersion: 2, leaderPriority: 1 },
  boot: { number: 2, id: 'b2', earlier: ['b1'] },
  metadata: { zone: 'a' },
  address: '10.0.0.1:1',
  reachedAt: 'n2.example:2',
}

const isBadMessage = (error: unknown): boolean => isRaftError(error, 'ERR_RAFT_BAD_MESSAGE')

describe('validated values of a transport', () => {
  it('keep every field of an identity that was sent as JSON, and no others', () => {
    const received = JSON.parse(JSON.stringify({ ...IDENTITY, other: 1 }))
    assert.deepEqual(validatePeerIdentity(received), IDENTITY)
    const { clusterId, nodeId, directoryId } = IDENTITY
    assert.deepEqual(validatePeerIdentity({ clusterId, nodeId, directoryId }), {
      ...{ clusterId, nodeId, directoryId },
      metadata: {},
    })
  })

  for (const [name, value] of Object.entries({
    nodeId: '../n1',
    directoryId: 'a b',
    clusterId: 7,
    protocol: 0,
    machineVersion: 0.5,
    leaderPriority: -1,
    boot: { number: 1, id: 'b', earlier: Array(1000).fill('b') },
    metadata: { zone: 1 },
    address: 'a b',
    reachedAt: 5,
  }))
    it(`reject a false ${name} of an identity`, () => {
      assert.throws(() => validatePeerIdentity({ ...IDENTITY, [name]: value }), isBadMessage)
    })

  it('reject what is not an object', () => {
    for (const value of [undefined, null, 'text', 7])
      for (const validate of [validatePeerIdentity, validateRefusal, validateSnapshotRequest])
        assert.throws(() => validate(value), isBadMessage)
  })

  it('reject the id of a snapshot that would leave its directory, and a false offset', () => {
    assert.deepEqual(validateSnapshotRequest({ id: 's-1', offset: 0, other: 1 }), { id: 's-1', offset: 0 })
    for (const request of [
      { id: '../s', offset: 0 },
      { id: 's', offset: -1 },
      { id: 's', offset: '0' },
    ])
      assert.throws(() => validateSnapshotRequest(request), isBadMessage)
  })

  it('make a refusal printable, and an error with its code if that is known', () => {
    const refusal = validateRefusal({ code: 'ERR_RAFT_REMOVED', message: 'gone\u001b[31m' })
    assert.deepEqual(refusal, { code: 'ERR_RAFT_REMOVED', message: 'gone?[31m' })
    assert.equal(refusalError('n2', refusal).code, 'ERR_RAFT_REMOVED')
    assert.equal(refusalError('n2', { ...refusal, code: 'ERR_RAFT_OF_2030' }).code, 'ERR_RAFT_UNREACHABLE')
    assert.throws(() => validateRefusal({ code: 'no code', message: '' }), isBadMessage)
  })
})
