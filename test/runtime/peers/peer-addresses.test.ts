import assert from 'node:assert/strict'
import type { Member, Membership } from '../../../src/core/types.ts'
import { addressDifferences } from '../../../src/runtime/peers/address-differences.ts'
import { MembershipView } from '../../../src/runtime/peers/membership-view.ts'
import { PeerAddresses } from '../../../src/runtime/peers/peer-addresses.ts'

describe('the addresses of peers', () => {
  it('are those of record while members are there', () => {
    const { addresses, greet } = fixture()
    assert.equal(greet('n2', 'n2:1'), false)
    addresses.onReached('n2', 'n2:1')
    assert.deepEqual([addresses.addressOf('n2'), addresses.moved], ['n2:1', []])
    assert.deepEqual(addresses.alternatives(new Map([['n2', 'n2:1']])), new Map())
  })

  it('include the one at which a member greets, to be tried, and to be used once the member is connected', () => {
    const { addresses, greet } = fixture()
    assert.equal(greet('n2', 'n2:7'), true)
    assert.equal(greet('n2', 'n2:7'), false)
    assert.deepEqual(addresses.alternatives(new Map([['n2', 'n2:1']])), new Map([['n2', ['n2:7']]]))
    assert.deepEqual(addresses.moved, [{ id: 'n2', address: 'n2:7' }])
  })

  it('become those of record if the member is reached at the address that it names itself', () => {
    const { addresses, greet } = fixture()
    greet('n2', 'n2:7')
    assert.deepEqual(addresses.onReached('n2', 'n2:7'), { isReached: true, address: 'n2:7' })
    assert.deepEqual(addresses.onReached('n2', 'n2:8'), { isReached: true, address: undefined })
    assert.equal(addresses.addressOf('n2'), 'n2:8')
    assert.deepEqual(addresses.onReached('n2', undefined), { isReached: false, address: undefined })
  })

  it('include the configured ones', () => {
    const { addresses } = fixture({ n2: 'n2:9', n3: 'n3:1' })
    const peers = new Map([
      ['n2', 'n2:1'],
      ['n3', 'n3:1'],
    ])
    assert.deepEqual(addresses.alternatives(peers), new Map([['n2', ['n2:9']]]))
    assert.equal(addresses.addressOf('n2'), 'n2:1')
  })

  it('include the address of record of a node that has moved, because another member may have taken it', () => {
    const { addresses, greet } = fixture({}, 'n2:1')
    assert.deepEqual(addresses.alternatives(new Map([['n2', 'n2:1']])), new Map([['n2', ['n1:1']]]))
    greet('n3', 'n3:1', 'n1:1')
    assert.deepEqual(addresses.alternatives(new Map([['n2', 'n2:1']])), new Map())
  })

  for (const { greeting, record } of [
    { greeting: '0.0.0.0:7001', record: 'n2:1' },
    { greeting: '[::]:7001', record: 'n2:1' },
    { greeting: 'n2:0', record: 'n2:1' },
    { greeting: '', record: 'n2:1' },
    { greeting: '127.0.0.1:7001', record: '10.0.0.2:7001' },
    { greeting: 'localhost:7001', record: '10.0.0.2:7001' },
  ])
    it(`ignore the greeting '${greeting}' of a member at ${record}`, () => {
      const { addresses, greet } = fixture({}, 'n1:1', record)
      greet('n2', greeting)
      assert.deepEqual(addresses.alternatives(new Map([['n2', record]])), new Map())
      assert.equal(addresses.onReached('n2', greeting).address, undefined)
    })

  it('of this node change once a peer reaches it at its own address, and none at its address of record', () => {
    const { addresses, greet } = fixture({}, 'n1:7')
    assert.equal(addresses.ownPlace.address, undefined)
    greet('n2', 'n2:1', 'n1:7')
    assert.equal(addresses.ownPlace.address, 'n1:7')
    assert.equal(addresses.addressOf('n1'), 'n1:7')
    greet('n3', 'n3:1', 'n1:1')
    assert.equal(addresses.ownPlace.address, undefined)
    addresses.onLost('n3')
    assert.equal(addresses.ownPlace.address, 'n1:7')
  })

  it('are remembered for a bounded number of peers', () => {
    const { addresses, greet } = fixture()
    greet('n2', 'n2:7')
    for (let n = 0; n < 300; n++) greet(`stranger-${n}`, 'x:1')
    assert.equal(addresses.addressOf('n2'), 'n2:1')
  })
})

describe('the differences between the options and the membership', () => {
  it('name what is recorded, what is given, and which is used', () => {
    const given = { id: 'n1', peers: { n1: 'n1:5', n2: 'n2:1', n3: 'n3:9', n4: 'n4:1' }, ownAddress: 'n1:7' }
    const found = addressDifferences(membership(member('n1'), member('n2'), member('n3')), given)
    assert.deepEqual(
      found.map(({ peer, recorded, given: address, consequence }) => [
        peer,
        recorded,
        address,
        consequence.split(';')[0],
      ]),
      [
        ['n1', 'n1:1', 'n1:7', 'this node tells its peers the given address'],
        ['n3', 'n3:1', 'n3:9', 'n3 is tried at both'],
        ['n4', undefined, 'n4:1', 'ignored: n4 is not a member'],
      ],
    )
  })

  it('are none for a node without a membership', () => {
    assert.deepEqual(addressDifferences(membership(), { id: 'n1', peers: { n2: 'n2:1' }, ownAddress: 'n1:7' }), [])
  })
})

/** The addresses that n1 knows. */
function fixture(configured: Readonly<Record<string, string>> = {}, ownAddress = 'n1:1', recordOfN2 = 'n2:1') {
  const members = [member('n1'), { ...member('n2'), address: recordOfN2 }, member('n3')]
  const view = new MembershipView('n1', 1, membership(...members), configured)
  const addresses = new PeerAddresses('n1', view, configured, () => ownAddress)
  return {
    addresses,
    greet: (nodeId: string, address: string, reachedAt?: string) =>
      addresses.onGreeted({ clusterId: 'c', nodeId, directoryId: 'd', address, reachedAt }),
  }
}

function member(id: string): Member {
  return { id, address: `${id}:1`, directoryId: '', addedAt: 0, promote: false }
}

function membership(...members: readonly Member[]): Membership {
  return { members, voters: members.map(({ id }) => id), outgoing: [], learners: [] }
}
