import assert from 'node:assert/strict'
import { PeerLinks } from '../../src/runtime/peer-links.ts'
import { Roster } from '../../src/runtime/roster.ts'
import { NodeClock, VirtualTime } from '../../src/testing/simulation/virtual-clock.ts'
import { membershipOf } from '../core/builders.ts'

const FAREWELL_MS = 300

describe('the links to the peers', () => {
  it('are those of the membership, without the node itself', () => {
    const { links, linked } = world('a b c')
    links.follow()
    assert.deepEqual(linked(), ['b', 'c'])
  })

  it('come at once with a new member, and stay with one who has left for as long as it takes to hear of it', () => {
    const { links, linked, adopt, until } = world('a b c')
    adopt('a c d')
    links.follow()
    assert.deepEqual(linked(), ['b', 'c', 'd'])
    until(FAREWELL_MS - 1)
    assert.deepEqual(linked(), ['b', 'c', 'd'])
    until(FAREWELL_MS)
    assert.deepEqual(linked(), ['c', 'd'])
  })

  it('stay for the whole of that time with the last one who has left', () => {
    const { links, linked, adopt, until } = world('a b c')
    adopt('a b')
    links.follow()
    until(FAREWELL_MS - 1)
    adopt('a')
    links.follow()
    until(2 * FAREWELL_MS - 2)
    assert.deepEqual(linked(), ['b', 'c'])
    until(2 * FAREWELL_MS)
    assert.deepEqual(linked(), [])
  })

  it('are taken from nobody once the node ends', () => {
    const { links, linked, adopt, until } = world('a b c')
    adopt('a b')
    links.follow()
    links.stop()
    until(2 * FAREWELL_MS)
    assert.deepEqual(linked(), ['b', 'c'])
    adopt('a')
    links.follow()
    until(4 * FAREWELL_MS)
    assert.deepEqual(linked(), ['b', 'c'])
  })
})

/** Of node a, in these words of a membership. */
function world(members: string) {
  const time = new VirtualTime()
  const clock = new NodeClock(time, { startMs: 0, ratePerMille: 1000 })
  const roster = new Roster('a', 1, membershipOf(members), {})
  let peers: string[] = []
  const transport = {
    setPeers: (addresses: ReadonlyMap<string, string>) => {
      peers = [...addresses.keys()].sort()
    },
  }
  return {
    links: new PeerLinks({ roster, transport, clock, farewellMs: FAREWELL_MS }),
    linked: () => peers,
    adopt: (words: string) => roster.heard({ type: 'membershipAdopted', index: 1, membership: membershipOf(words) }),
    until: (untilMs: number) => {
      while (time.step(untilMs * 1000));
    },
  }
}
