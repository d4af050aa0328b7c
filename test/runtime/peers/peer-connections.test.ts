import assert from 'node:assert/strict'
import { MembershipView } from '../../../src/runtime/peers/membership-view.ts'
import { PeerAddresses } from '../../../src/runtime/peers/peer-addresses.ts'
import { PeerConnections } from '../../../src/runtime/peers/peer-connections.ts'
import { NodeClock, VirtualTime } from '../../../src/testing/simulation/virtual-clock.ts'
import { membershipOf } from '../../core/builders.ts'

const GRACE_MS = 300

describe('the connections to peers', () => {
  it('are those to the other members', () => {
    const { connections, connected } = fixture('a b c')
    connections.update()
    assert.deepEqual(connected(), ['b', 'c'])
  })

  it('are opened at once to a new member, and kept to a removed one for the grace period', () => {
    const { connections, connected, adopt, until } = fixture('a b c')
    adopt('a c d')
    connections.update()
    assert.deepEqual(connected(), ['b', 'c', 'd'])
    until(GRACE_MS - 1)
    assert.deepEqual(connected(), ['b', 'c', 'd'])
    until(GRACE_MS)
    assert.deepEqual(connected(), ['c', 'd'])
  })

  it('are kept for the whole grace period after the last removal', () => {
    const { connections, connected, adopt, until } = fixture('a b c')
    adopt('a b')
    connections.update()
    until(GRACE_MS - 1)
    adopt('a')
    connections.update()
    until(2 * GRACE_MS - 2)
    assert.deepEqual(connected(), ['b', 'c'])
    until(2 * GRACE_MS)
    assert.deepEqual(connected(), [])
  })

  it('are not closed after the node has stopped', () => {
    const { connections, connected, adopt, until } = fixture('a b c')
    adopt('a b')
    connections.update()
    connections.stop()
    until(2 * GRACE_MS)
    assert.deepEqual(connected(), ['b', 'c'])
    adopt('a')
    connections.update()
    until(4 * GRACE_MS)
    assert.deepEqual(connected(), ['b', 'c'])
  })
})

/** The connections of node a. */
function fixture(members: string) {
  const time = new VirtualTime()
  const clock = new NodeClock(time, { startMs: 0, ratePerMille: 1000 })
  const view = new MembershipView('a', 1, membershipOf(members), {})
  const addresses = new PeerAddresses('a', view, {}, () => 'address-of-a')
  let peers: string[] = []
  const transport = {
    setPeers: (addresses: ReadonlyMap<string, string>) => {
      peers = [...addresses.keys()].sort()
    },
  }
  return {
    connections: new PeerConnections({
      membershipView: view,
      addresses,
      transport,
      clock,
      removedPeerGraceMs: GRACE_MS,
    }),
    connected: () => peers,
    adopt: (members: string) => view.update({ type: 'membershipAdopted', index: 1, membership: membershipOf(members) }),
    until: (untilMs: number) => {
      while (time.step(untilMs * 1000));
    },
  }
}
