/** Checks with invalid bytes: on a new connection to a node, and within an existing stream. */
import assert from 'node:assert/strict'
import type { PeerMessage } from '../../../contracts/transport.ts'
import type { NodeId } from '../../../core/types.ts'
import { payloadsOf } from '../../../log-format/block.ts'
import { SeededRandom } from '../../simulation/seeded-random.ts'
import { requireCorrupt, requireInject, requireSendRaw } from './capabilities.ts'
import type { HostCall } from './host-call.ts'
import type { StartedNode, TestNetwork, TransportTest } from './test-network.ts'
import { appendEntriesRequest, MIB, readIndexRequest, turn } from './test-network.ts'

/** The number of connections that are opened and closed at once. */
const CONNECTIONS = 60

const MESSAGES = 400

export function invalidBytes(on: TransportTest): void {
  on('on a new connection reach no host and break no link', async (network) => {
    const sendRaw = requireSendRaw(network.fixture)
    const [a, b] = await network.connectedPair()
    for (const { what, bytes } of invalidInputs()) {
      await sendRaw('b', bytes)
      assert.deepEqual(callsExceptFrom('a', b), [], `${what} reached the host`)
    }
    await assertStillConnected(network, a, b)
  })

  on('on many short connections do not affect the links to peers', async (network) => {
    const sendRaw = requireSendRaw(network.fixture)
    const [a, b] = await network.connectedPair()
    const bytes = randomBytes(50)
    await Promise.all(
      Array.from({ length: CONNECTIONS }, (_, n) => sendRaw('b', n % 2 === 0 ? bytes : new Uint8Array(0))),
    )
    await assertStillConnected(network, a, b)
  })
}

export function injectedBytes(on: TransportTest): void {
  on('are never delivered as a message: at most the link is lost and reconnects', async (network) => {
    const inject = requireInject(network.fixture)
    const [a, b] = await network.connectedPair()
    for (let read = 0; read < MESSAGES; read++) {
      a.transport.send('b', readIndexRequest(read))
      if (read % 100 === 50) await inject('a', 'b', randomBytes(200))
      if (read % 10 === 0) await turn()
    }
    const isLast = (message: PeerMessage): boolean => 'read' in message && message.read === MESSAGES
    // Messages in flight when the link was lost may be missing.
    await network.eventually('a message to be delivered', () => {
      a.transport.send('b', readIndexRequest(MESSAGES))
      return b.host.received.some(isLast)
    })
    for (const message of b.host.received) {
      assert.ok(
        message.type === 'ReadIndexRequest',
        `${message.type} was delivered, but only ReadIndexRequest was sent`,
      )
      assert.ok(
        message.read >= 0 && message.read <= MESSAGES,
        `a message that was never sent was delivered: ${message.read}`,
      )
      assert.deepEqual(message, readIndexRequest(message.read))
    }
  })
}

/** All messages that a host received, and its other calls that are not about this peer. */
function callsExceptFrom(peer: NodeId, { host }: StartedNode): HostCall[] {
  return host.calls.filter((call) => {
    if (call.type === 'receive' || call.type === 'condition') return true
    return (call.type === 'admit' ? call.peer.nodeId : call.peer) !== peer
  })
}

export function corruptedBytes(on: TransportTest): void {
  on('never change a delivered block', async (network) => {
    const corrupt = requireCorrupt(network.fixture)
    const [a, b] = await network.connectedPair()
    const command = Uint8Array.from({ length: MIB / 2 }, (_, at) => (at * 7 + (at >> 8)) & 255)
    await corrupt('a', 'b')
    a.transport.send('b', appendEntriesRequest(command))
    await network.eventually('a block to be delivered', () => {
      a.transport.send('b', appendEntriesRequest(command))
      return b.host.received.length >= 3
    })
    for (const message of b.host.received) {
      assert.ok(
        message.type === 'AppendEntriesRequest' && message.blocks[0] !== undefined,
        'an unexpected message was delivered',
      )
      const isSame = Buffer.from(command).equals(payloadsOf(message.blocks[0])[0] as Uint8Array)
      assert.ok(isSame, 'the delivered bytes differ from those sent')
    }
  })
}

/** Asserts that the link between the two was not lost, and that another node can still connect. */
async function assertStillConnected(network: TestNetwork, a: StartedNode, b: StartedNode): Promise<void> {
  for (const { host } of [a, b]) assert.deepEqual(host.callsOfType('peerLost'), [], 'a link was lost')
  assert.ok(a.transport.send('b', readIndexRequest(77)))
  await b.host.until('a message of the peer', () => b.host.received.length > 0)
  assert.deepEqual(b.host.received, [readIndexRequest(77)])
  const c = await network.startNode('c')
  c.transport.setPeers(new Map([['b', await network.fixture.addressFor('c', 'b')]]))
  await c.host.until('a link to b', () => c.host.isConnected('b'))
}

function invalidInputs(): readonly { readonly what: string; readonly bytes: Uint8Array }[] {
  const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  return [
    { what: 'nothing', bytes: new Uint8Array(0) },
    { what: 'random bytes', bytes: randomBytes(100_000) },
    { what: 'zeros', bytes: new Uint8Array(100_000) },
    { what: 'bytes of 255', bytes: new Uint8Array(10_000).fill(255) },
    { what: 'a length of 2 GiB', bytes: Buffer.concat([Buffer.from('7fffffff', 'hex'), randomBytes(100)]) },
    { what: 'an endless line', bytes: Buffer.alloc(1_000_000, 'a') },
    { what: 'a line of JSON', bytes: Buffer.from('{"type":"hello","nodeId":"a","term":1e999}\n') },
    { what: 'an HTTP/1 request', bytes: Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n') },
    { what: 'a TLS ClientHello', bytes: Buffer.from('16030100ca010000c60303', 'hex') },
    { what: 'an HTTP/2 preface and random bytes', bytes: Buffer.concat([preface, randomBytes(10_000)]) },
    { what: 'an HTTP/2 frame of 16 MiB', bytes: Buffer.concat([preface, Buffer.from('ffffff0000000000010a', 'hex')]) },
  ]
}

/** The same bytes in every run, so that a failure is reproducible. */
function randomBytes(length: number): Uint8Array {
  const random = new SeededRandom(length)
  return Uint8Array.from({ length }, () => random.below(256))
}
