import assert from 'node:assert/strict'
import { MembershipView } from '../../../src/runtime/peers/membership-view.ts'
import { PeerConnections } from '../../../src/runtime/peers/peer-connections.ts'
import { NodeClock, VirtualTime } from '../../../src/testing/simulation/virtual-clock.ts'
import { membershipOf } from '../../core/builders.ts'

const GRACE_MS = 300

describe('the links to the peers', () => {
  it('are those of the membership, without the node itself', () => {
    const { links, linked } = fixture('a b c')
    links.update()
    assert.deepEqual(linked(), ['b', 'c'])
  })

  it('come at once with a new member, and stay with one who has left for as long as it takes to hear of it', () => {
    const { links, linked, adopt, until } = fixture('a b c')
    adopt('a c d')
    links.update()
    assert.deepEqual(linked(), ['b', 'c', 'd'])
    until(GRACE_MS - 1)
    assert.deepEqual(linked(), ['b', 'c', 'd'])
    until(GRACE_MS)
    assert.deepEqual(linked(), ['c', 'd'])
  })

  it('stay for the whole of that time with the last one who has left', () => {
    const { links, linked, adopt, until } = fixture('a b c')
    adopt('a b')
    links.update()
    until(GRACE_MS - 1)
    adopt('a')
    links.update()
    until(2 * GRACE_MS - 2)
    assert.deepEqual(linked(), ['b', 'c'])
    until(2 * GRACE_MS)
    assert.deepEqual(linked(), [])
  })

  it('are taken from nobody once the node ends', () => {
    const { links, linked, adopt, until } = fixture('a b c')
    adopt('a b')
    links.update()
    links.stop()
    until(2 * GRACE_MS)
    assert.deepEqual(linked(), ['b', 'c'])
    adopt('a')
    links.update()
    until(4 * GRACE_MS)
    assert.deepEqual(linked(), ['b', 'c'])
  })
})

/** Of node a, in these words of a membership. */
function fixture(members: string) {
  const time = new VirtualTime()
  const clock = new NodeClock(time, { startMs: 0, ratePerMille: 1000 })
  const roster = new MembershipView('a', 1, membershipOf(members), {})
  let peers: string[] = []
  const transport = {
    setPeers: (addresses: ReadonlyMap<string, string>) => {
      peers = [...addresses.keys()].sort()
    },
  }
  return {
    links: new PeerConnections({ membershipView: roster, transport, clock, removedPeerGraceMs: GRACE_MS }),
    linked: () => peers,
    adopt: (words: string) => roster.update({ type: 'membershipAdopted', index: 1, membership: membershipOf(words) }),
    until: (untilMs: number) => {
      while (time.step(untilMs * 1000));
    },
  }
}
