/** How links come about, are lost, and come back. */
import assert from 'node:assert/strict'
import type { TransportTest } from './test-network.ts'
import { pause, readIndexRequest } from './test-network.ts'

export function links(on: TransportTest): void {
  on('says whom it is connected to, on both ends', async (net) => {
    const [a, b] = await net.connectedPair()
    assert.deepEqual(a.host.callsOfType('peerConnected')[0], { type: 'peerConnected', peer: 'b' })
    assert.deepEqual(b.host.callsOfType('peerConnected')[0], { type: 'peerConnected', peer: 'a' })
  })

  on('connects whichever end is there first, and after a first attempt in vain', async (net) => {
    const a = await net.startNode('a')
    a.transport.setPeers(new Map([['b', await net.fixture.addressFor('a', 'a')]]))
    await pause(50)
    const b = await net.startNode('b')
    await net.exchangeAddresses(a, b)
    await net.untilConnected(a, b)
  })

  on('answers a peer whose address it does not know', async (net) => {
    const [a, b] = [await net.startNode('a'), await net.startNode('b')]
    a.transport.setPeers(new Map([['b', await net.fixture.addressFor('a', 'b')]]))
    await net.untilConnected(a, b)
    a.transport.send('b', readIndexRequest(1))
    await b.host.until('the question', () => b.host.received.length === 1)
    assert.equal(b.transport.send('a', readIndexRequest(2)), true)
    await a.host.until('the answer', () => a.host.received.length === 1)
  })

  on('tells of a lost link, drops meanwhile, and comes back by itself', async (net) => {
    const [a, b] = await net.connectedPair()
    await net.fixture.cut('a', 'b')
    for (const [one, other] of [
      [a, 'b'],
      [b, 'a'],
    ] as const) {
      await one.host.until('the loss', () => !one.host.isConnected(other))
      assert.equal(one.transport.send(other, readIndexRequest(1)), false)
    }
    await net.fixture.heal('a', 'b')
    await net.untilConnected(a, b)
    assert.equal(a.transport.send('b', readIndexRequest(2)), true)
    await b.host.until('a message', () => b.host.received.length === 1)
    assert.deepEqual(b.host.received, [readIndexRequest(2)])
  })

  on('comes back to a peer that was closed and started again', async (net) => {
    const [a, b] = await net.connectedPair()
    await b.transport.close()
    await a.host.until('the loss', () => !a.host.isConnected('b'))
    const again = await net.startNode('b')
    await net.exchangeAddresses(a, again)
    await net.untilConnected(a, again)
    again.transport.send('a', readIndexRequest(3))
    await a.host.until('a message', () => a.host.received.length === 1)
  })

  on('closes the link to who is no peer any more', async (net) => {
    const [a, b] = await net.connectedPair()
    b.host.rejectPeer = () => ({ code: 'ERR_RAFT_REMOVED', message: 'a is not a member' })
    b.transport.setPeers(new Map())
    for (const [{ host }, peer] of [
      [a, 'b'],
      [b, 'a'],
    ] as const)
      await host.until('the end of the link', () => !host.isConnected(peer))
    assert.equal(b.transport.send('a', readIndexRequest(1)), false)
  })
}
