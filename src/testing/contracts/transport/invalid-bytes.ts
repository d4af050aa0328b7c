/** Bytes that no transport has sent: to a node's port, and into the middle of what is under way. */
import assert from 'node:assert/strict'
import type { PeerMessage } from '../../../contracts/transport.ts'
import type { NodeId } from '../../../core/types.ts'
import { payloadsOf } from '../../../log-format/block.ts'
import { SeededRandom } from '../../simulation/seeded-random.ts'
import { requireCorrupt, requireInject, requireSendRaw } from './capabilities.ts'
import type { HostCall } from './recording-host.ts'
import type { StartedNode, TestNetwork, TransportTest } from './test-network.ts'
import { appendEntriesRequest, MIB, readIndexRequest, turn } from './test-network.ts'

/** Connections that come and go at once. */
const CONNECTIONS = 60

const MESSAGES = 400

export function invalidBytes(on: TransportTest): void {
  on('reach no host, and cost nobody a link, whatever they are', async (net) => {
    const sendRaw = requireSendRaw(net.fixture)
    const [a, b] = await net.connectedPair()
    for (const { what, bytes } of invalidInputs()) {
      await sendRaw('b', bytes)
      assert.deepEqual(callsExceptFrom('a', b), [], `${what} came to the host`)
    }
    await assertStillConnected(net, a, b)
  })

  on('leave a node to its peers, however many connections come and go', async (net) => {
    const sendRaw = requireSendRaw(net.fixture)
    const [a, b] = await net.connectedPair()
    const noise = randomBytes(50)
    await Promise.all(
      Array.from({ length: CONNECTIONS }, (_, n) => sendRaw('b', n % 2 === 0 ? noise : new Uint8Array(0))),
    )
    await assertStillConnected(net, a, b)
  })
}

export function injectedBytes(on: TransportTest): void {
  on('are taken for no message: at most the link breaks, and comes back', async (net) => {
    const inject = requireInject(net.fixture)
    const [a, b] = await net.connectedPair()
    for (let read = 0; read < MESSAGES; read++) {
      a.transport.send('b', readIndexRequest(read))
      if (read % 100 === 50) await inject('a', 'b', randomBytes(200))
      if (read % 10 === 0) await turn()
    }
    const isLast = (message: PeerMessage): boolean => 'read' in message && message.read === MESSAGES
    // What was under way when a link broke may be lost.
    await net.eventually('a message that gets through', () => {
      a.transport.send('b', readIndexRequest(MESSAGES))
      return b.host.received.some(isLast)
    })
    for (const message of b.host.received) {
      assert.ok(message.type === 'ReadIndexRequest', `a ${message.type} came, and none was sent`)
      assert.ok(message.read >= 0 && message.read <= MESSAGES, `what came was never sent: ${message.read}`)
      assert.deepEqual(message, readIndexRequest(message.read))
    }
  })
}

/** What a host was told of others than a peer, and every message. */
function callsExceptFrom(peer: NodeId, { host }: StartedNode): HostCall[] {
  return host.calls.filter((call) => {
    if (call.type === 'receive') return true
    return (call.type === 'admit' ? call.peer.nodeId : call.peer) !== peer
  })
}

export function corruptedBytes(on: TransportTest): void {
  on('are not taken for those that were sent: a changed block is never delivered', async (net) => {
    const corrupt = requireCorrupt(net.fixture)
    const [a, b] = await net.connectedPair()
    const command = Uint8Array.from({ length: MIB / 2 }, (_, at) => (at * 7 + (at >> 8)) & 255)
    await corrupt('a', 'b')
    a.transport.send('b', appendEntriesRequest(command))
    await net.eventually('a block that gets through', () => {
      a.transport.send('b', appendEntriesRequest(command))
      return b.host.received.length >= 3
    })
    for (const message of b.host.received) {
      assert.ok(message.type === 'AppendEntriesRequest' && message.blocks[0] !== undefined, 'another message came')
      const isSame = Buffer.from(command).equals(payloadsOf(message.blocks[0])[0] as Uint8Array)
      assert.ok(isSame, 'other bytes came than were sent')
    }
  })
}

/** The link between the two has stood, and another node can still come. */
async function assertStillConnected(net: TestNetwork, a: StartedNode, b: StartedNode): Promise<void> {
  for (const { host } of [a, b]) assert.deepEqual(host.callsOfType('peerLost'), [], 'a link was lost')
  assert.ok(a.transport.send('b', readIndexRequest(77)))
  await b.host.until('a message of a peer', () => b.host.received.length > 0)
  assert.deepEqual(b.host.received, [readIndexRequest(77)])
  const c = await net.startNode('c')
  c.transport.setPeers(new Map([['b', await net.fixture.addressFor('c', 'b')]]))
  await c.host.until('a link to b', () => c.host.isConnected('b'))
}

function invalidInputs(): readonly { readonly what: string; readonly bytes: Uint8Array }[] {
  const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  return [
    { what: 'nothing', bytes: new Uint8Array(0) },
    { what: 'noise', bytes: randomBytes(100_000) },
    { what: 'zeros', bytes: new Uint8Array(100_000) },
    { what: 'bits that are all set', bytes: new Uint8Array(10_000).fill(255) },
    { what: 'a length of 2 GiB', bytes: Buffer.concat([Buffer.from('7fffffff', 'hex'), randomBytes(100)]) },
    { what: 'an endless line', bytes: Buffer.alloc(1_000_000, 'a') },
    { what: 'a line of JSON', bytes: Buffer.from('{"type":"hello","nodeId":"a","term":1e999}\n') },
    { what: 'an HTTP/1 request', bytes: Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n') },
    { what: 'a TLS greeting', bytes: Buffer.from('16030100ca010000c60303', 'hex') },
    { what: 'an HTTP/2 preface and noise', bytes: Buffer.concat([preface, randomBytes(10_000)]) },
    { what: 'an HTTP/2 frame of 16 MiB', bytes: Buffer.concat([preface, Buffer.from('ffffff0000000000010a', 'hex')]) },
  ]
}

/** The same at every run, so that a failure can be had again. */
function randomBytes(length: number): Uint8Array {
  const random = new SeededRandom(length)
  return Uint8Array.from({ length }, () => random.below(256))
}
