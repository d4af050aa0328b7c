/** Who is let in, and what those hear who are not. */
import assert from 'node:assert/strict'
import type { TransportTest } from './test-network.ts'
import { readIndexRequest, turn } from './test-network.ts'

export function admission(on: TransportTest): void {
  on('shows each end the identity of the other before anything is delivered', async (net) => {
    const [a, b] = await net.connectedPair()
    a.transport.send('b', readIndexRequest(1))
    await b.host.until('a message', () => b.host.received.length === 1)
    const seen = b.host.calls.filter((call) => call.type === 'admit' || call.type === 'receive')
    assert.deepEqual(seen[0], { type: 'admit', peer: a.host.identity })
    assert.deepEqual(a.host.callsOfType('admit')[0]?.peer, b.host.identity)
  })

  for (const { refusing, asking: asked } of [
    { refusing: 'b', asking: 'a' },
    { refusing: 'a', asking: 'b' },
  ] as const)
    on(
      `tells who was turned away why, when it is the ${refusing === 'a' ? 'calling' : 'called'} end that refuses`,
      async (net) => {
        const nodes = { a: await net.startNode('a'), b: await net.startNode('b') }
        const refusal = { code: 'ERR_RAFT_CLUSTER_MISMATCH', message: 'this is cluster blue, not green' }
        nodes[refusing].host.rejectPeer = () => refusal
        nodes.a.transport.setPeers(new Map([['b', await net.fixture.addressFor('a', 'b')]]))
        const { host, transport } = nodes[asked]
        await host.until('the refusal', () => host.callsOfType('refusedBy').length > 0)
        assert.deepEqual(host.callsOfType('refusedBy')[0], { type: 'refusedBy', peer: refusing, refusal })
        transport.send(refusing, readIndexRequest(1))
        await turn()
        assert.deepEqual(nodes[refusing].host.received, [])
        nodes[refusing].host.rejectPeer = () => undefined
        await net.untilConnected(nodes.a, nodes.b)
      },
    )

  on('does not take another node behind an address for the one it looks for', async (net) => {
    const [a] = [await net.startNode('a'), await net.startNode('b')]
    a.transport.setPeers(new Map([['c', await net.fixture.addressFor('a', 'b')]]))
    await a.host.until('the refusal', () => a.host.callsOfType('refusedBy').length > 0)
    assert.equal(a.host.callsOfType('refusedBy')[0]?.refusal.code, 'ERR_RAFT_NODE_MISMATCH')
    assert.equal(a.transport.send('c', readIndexRequest(1)), false)
  })
}
