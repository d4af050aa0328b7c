/** How links come about, are lost, and come back. */
import assert from 'node:assert/strict'
import type { On } from './net.ts'
import { asking, pause } from './net.ts'

export function links(on: On): void {
  on('says whom it is connected to, on both ends', async (net) => {
    const [a, b] = await net.pair()
    assert.deepEqual(a.host.all('peerConnected')[0], { type: 'peerConnected', peer: 'b' })
    assert.deepEqual(b.host.all('peerConnected')[0], { type: 'peerConnected', peer: 'a' })
  })

  on('connects whichever end is there first, and after a first attempt in vain', async (net) => {
    const a = await net.start('a')
    a.transport.setPeers(new Map([['b', await net.world.route('a', 'a')]]))
    await pause(50)
    const b = await net.start('b')
    await net.introduce(a, b)
    await net.connected(a, b)
  })

  on('answers a peer whose address it does not know', async (net) => {
    const [a, b] = [await net.start('a'), await net.start('b')]
    a.transport.setPeers(new Map([['b', await net.world.route('a', 'b')]]))
    await net.connected(a, b)
    a.transport.send('b', asking(1))
    await b.host.until('the question', () => b.host.received.length === 1)
    assert.equal(b.transport.send('a', asking(2)), true)
    await a.host.until('the answer', () => a.host.received.length === 1)
  })

  on('tells of a lost link, drops meanwhile, and comes back by itself', async (net) => {
    const [a, b] = await net.pair()
    await net.world.cut('a', 'b')
    for (const [one, other] of [
      [a, 'b'],
      [b, 'a'],
    ] as const) {
      await one.host.until('the loss', () => !one.host.isConnected(other))
      assert.equal(one.transport.send(other, asking(1)), false)
    }
    await net.world.heal('a', 'b')
    await net.connected(a, b)
    assert.equal(a.transport.send('b', asking(2)), true)
    await b.host.until('a message', () => b.host.received.length === 1)
    assert.deepEqual(b.host.received, [asking(2)])
  })

  on('comes back to a peer that was closed and started again', async (net) => {
    const [a, b] = await net.pair()
    await b.transport.close()
    await a.host.until('the loss', () => !a.host.isConnected('b'))
    const again = await net.start('b')
    await net.introduce(a, again)
    await net.connected(a, again)
    again.transport.send('a', asking(3))
    await a.host.until('a message', () => a.host.received.length === 1)
  })

  on('closes the link to who is no peer any more', async (net) => {
    const [a, b] = await net.pair()
    b.host.refuse = () => ({ code: 'ERR_RAFT_REMOVED', message: 'a is not a member' })
    b.transport.setPeers(new Map())
    for (const [{ host }, peer] of [
      [a, 'b'],
      [b, 'a'],
    ] as const)
      await host.until('the end of the link', () => !host.isConnected(peer))
    assert.equal(b.transport.send('a', asking(1)), false)
  })
}
