/** Checks of the handshake: identities, and the rejection of peers. */
import assert from 'node:assert/strict'
import type { PeerIdentity } from '../../../contracts/transport.ts'
import type { TransportTest } from './test-network.ts'
import { readIndexRequest, turn } from './test-network.ts'

export function admission(on: TransportTest): void {
  on('shows each end the identity of the other before any message', async (network) => {
    const [a, b] = await network.connectedPair()
    a.transport.send('b', readIndexRequest(1))
    await b.host.until('a message', () => b.host.received.length === 1)
    const calls = b.host.calls.filter((call) => call.type === 'admit' || call.type === 'receive')
    assert.equal(calls[0]?.type, 'admit')
    assert.deepEqual(comparable(b.host.callsOfType('admit')[0]?.peer), comparable(a.host.identity))
    assert.deepEqual(comparable(a.host.callsOfType('admit')[0]?.peer), comparable(b.host.identity))
  })

  for (const { rejecting, rejected } of [
    { rejecting: 'b', rejected: 'a' },
    { rejecting: 'a', rejected: 'b' },
  ] as const)
    on(
      `reports the reason to the rejected node if the ${rejecting === 'a' ? 'calling' : 'called'} end rejects`,
      async (network) => {
        const nodes = { a: await network.startNode('a'), b: await network.startNode('b') }
        const refusal = { code: 'ERR_RAFT_CLUSTER_MISMATCH', message: 'this is cluster blue, not green' }
        nodes[rejecting].host.rejectPeer = () => refusal
        nodes.a.transport.setPeers(new Map([['b', await network.fixture.addressFor('a', 'b')]]))
        const { host, transport } = nodes[rejected]
        await host.until('the refusal', () => host.callsOfType('refusedBy').length > 0)
        assert.deepEqual(host.callsOfType('refusedBy')[0], { type: 'refusedBy', peer: rejecting, refusal })
        transport.send(rejecting, readIndexRequest(1))
        await turn()
        assert.deepEqual(nodes[rejecting].host.received, [])
        nodes[rejecting].host.rejectPeer = () => undefined
        await network.untilConnected(nodes.a, nodes.b)
      },
    )

  on('refuses a different node at the address of a peer with ERR_RAFT_NODE_MISMATCH', async (network) => {
    const [a] = [await network.startNode('a'), await network.startNode('b')]
    a.transport.setPeers(new Map([['c', await network.fixture.addressFor('a', 'b')]]))
    await a.host.until('the refusal', () => a.host.callsOfType('refusedBy').length > 0)
    assert.equal(a.host.callsOfType('refusedBy')[0]?.refusal.code, 'ERR_RAFT_NODE_MISMATCH')
    assert.equal(a.transport.send('c', readIndexRequest(1)), false)
  })
}

/** A transport may add where the peer is and where it has reached this node, and may read absent metadata as empty. */
function comparable(peer: PeerIdentity | undefined): PeerIdentity | undefined {
  if (peer === undefined) return undefined
  const { address: _, reachedAt: __, metadata = {}, ...identity } = peer
  return { ...identity, metadata }
}
