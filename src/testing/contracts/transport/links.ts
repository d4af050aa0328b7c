/** Checks of links: how they are established, lost and re-established. */
import assert from 'node:assert/strict'
import type { TransportTest } from './test-network.ts'
import { pause, readIndexRequest } from './test-network.ts'

export function links(on: TransportTest): void {
  on('are reported as connected on both ends', async (network) => {
    const [a, b] = await network.connectedPair()
    assert.deepEqual(a.host.callsOfType('peerConnected')[0], { type: 'peerConnected', peer: 'b' })
    assert.deepEqual(b.host.callsOfType('peerConnected')[0], { type: 'peerConnected', peer: 'a' })
  })

  on('are established after a failed first attempt, whichever end starts first', async (network) => {
    const a = await network.startNode('a')
    a.transport.setPeers(new Map([['b', await network.fixture.addressFor('a', 'a')]]))
    await pause(50)
    const b = await network.startNode('b')
    await network.exchangeAddresses(a, b)
    await network.untilConnected(a, b)
  })

  on('carry messages to a peer without a known address', async (network) => {
    const [a, b] = [await network.startNode('a'), await network.startNode('b')]
    a.transport.setPeers(new Map([['b', await network.fixture.addressFor('a', 'b')]]))
    await network.untilConnected(a, b)
    a.transport.send('b', readIndexRequest(1))
    await b.host.until('the message of a', () => b.host.received.length === 1)
    assert.equal(b.transport.send('a', readIndexRequest(2)), true)
    await a.host.until('the message of b', () => a.host.received.length === 1)
  })

  on('report a loss, drop messages while lost, and reconnect', async (network) => {
    const [a, b] = await network.connectedPair()
    await network.fixture.cut('a', 'b')
    for (const [one, other] of [
      [a, 'b'],
      [b, 'a'],
    ] as const) {
      await one.host.until('the loss of the link', () => !one.host.isConnected(other))
      assert.equal(one.transport.send(other, readIndexRequest(1)), false)
    }
    await network.fixture.heal('a', 'b')
    await network.untilConnected(a, b)
    assert.equal(a.transport.send('b', readIndexRequest(2)), true)
    await b.host.until('a message', () => b.host.received.length === 1)
    assert.deepEqual(b.host.received, [readIndexRequest(2)])
  })

  on('reconnect to a restarted peer', async (network) => {
    const [a, b] = await network.connectedPair()
    await b.transport.close()
    await a.host.until('the loss of the link', () => !a.host.isConnected('b'))
    const again = await network.startNode('b')
    await network.exchangeAddresses(a, again)
    await network.untilConnected(a, again)
    again.transport.send('a', readIndexRequest(3))
    await a.host.until('a message', () => a.host.received.length === 1)
  })

  on('close when a node is removed from the peers', async (network) => {
    const [a, b] = await network.connectedPair()
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
