/** Who is let in, and what those hear who are not. */
import assert from 'node:assert/strict'
import type { On } from './net.ts'
import { asking, turn } from './net.ts'

export function admission(on: On): void {
  on('shows each end the identity of the other before anything is delivered', async (net) => {
    const [a, b] = await net.pair()
    a.transport.send('b', asking(1))
    await b.host.until('a message', () => b.host.received.length === 1)
    const seen = b.host.calls.filter((call) => call.type === 'admit' || call.type === 'receive')
    assert.deepEqual(seen[0], { type: 'admit', peer: a.host.identity })
    assert.deepEqual(a.host.all('admit')[0]?.peer, b.host.identity)
  })

  for (const { refusing, asking: asked } of [
    { refusing: 'b', asking: 'a' },
    { refusing: 'a', asking: 'b' },
  ] as const)
    on(
      `tells who was turned away why, when it is the ${refusing === 'a' ? 'calling' : 'called'} end that refuses`,
      async (net) => {
        const nodes = { a: await net.start('a'), b: await net.start('b') }
        const refusal = { code: 'ERR_RAFT_CLUSTER_MISMATCH', message: 'this is cluster blue, not green' }
        nodes[refusing].host.refuse = () => refusal
        nodes.a.transport.setPeers(new Map([['b', await net.world.route('a', 'b')]]))
        const { host, transport } = nodes[asked]
        await host.until('the refusal', () => host.all('refusedBy').length > 0)
        assert.deepEqual(host.all('refusedBy')[0], { type: 'refusedBy', peer: refusing, refusal })
        transport.send(refusing, asking(1))
        await turn()
        assert.deepEqual(nodes[refusing].host.received, [])
        nodes[refusing].host.refuse = () => undefined
        await net.connected(nodes.a, nodes.b)
      },
    )

  on('does not take another node behind an address for the one it looks for', async (net) => {
    const [a] = [await net.start('a'), await net.start('b')]
    a.transport.setPeers(new Map([['c', await net.world.route('a', 'b')]]))
    await a.host.until('the refusal', () => a.host.all('refusedBy').length > 0)
    assert.equal(a.host.all('refusedBy')[0]?.refusal.code, 'ERR_RAFT_NODE_MISMATCH')
    assert.equal(a.transport.send('c', asking(1)), false)
  })
}
