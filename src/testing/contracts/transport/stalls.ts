/** Checks with a stalled peer, such as a stopped process, a full receive window, or a switch that drops every packet. */
import assert from 'node:assert/strict'
import type { PeerMessage, Transport } from '../../../contracts/transport.ts'
import { messageBytes } from '../../../contracts/transport.ts'
import { encodeCommands, payloadsOf } from '../../../log-format/block.ts'
import { requireStall } from './capabilities.ts'
import type { StartedNode, TestNetwork, TransportTest } from './test-network.ts'
import { MIB, pause, readIndexRequest } from './test-network.ts'

const PAYLOAD = new Uint8Array(MIB / 16).fill(5)
/** What sockets and other buffers may hold in addition to the window. */
const BUFFERED_BYTES_MAX = 16 * MIB
/** Far less than everything that is dropped, and more than the process allocates otherwise. */
const GROWTH_BYTES_MAX = 64 * MIB
/** The window counts as full after this many rounds of rejected sends. */
const FULL_AFTER_ATTEMPTS = 20
const SENDS_PER_TURN = 128

export function stalls(on: TransportTest): void {
  on('receives at most its window plus buffers: the rest is rejected by send() and not kept', async (network) => {
    const [a] = await network.connectedPair()
    const { stall } = requireStall(network.fixture, 'a', 'b')
    await stall()
    const before = process.memoryUsage().arrayBuffers
    await fillWindow(a.transport, network.fixture.windowBytes)
    const grown = process.memoryUsage().arrayBuffers - before
    assert.ok(grown <= GROWTH_BYTES_MAX, `${Math.round(grown / MIB)} MiB more are allocated than before`)
  })

  on('receives accepted messages in order, once each and intact, after it resumes', async (network) => {
    const [a, b] = await network.connectedPair()
    const { stall, resume } = requireStall(network.fixture, 'a', 'b')
    await stall()
    const accepted = await fillWindow(a.transport, network.fixture.windowBytes)
    await resume()
    await network.eventually('space in the window', () => a.transport.send('b', messageWithRound(accepted)))
    await b.host.until('the last message', () => roundsOf(b).includes(accepted))
    const rounds = roundsOf(b)
    assert.deepEqual(
      rounds,
      [...new Set(rounds)].sort((one, other) => one - other),
      'messages are out of order or duplicated',
    )
  })

  on('does not delay other peers', async (network) => {
    const [a, , c] = await startThreeNodes(network)
    await requireStall(network.fixture, 'a', 'b').stall()
    await fillWindow(a.transport, network.fixture.windowBytes)
    for (let read = 0; read < 100; read++)
      assert.ok(a.transport.send('c', readIndexRequest(read)), 'a message to another peer was rejected')
    await c.host.until('100 messages', () => c.host.received.length === 100)
    assert.ok(c.transport.send('a', readIndexRequest(7)))
    await a.host.until('a response', () => a.host.received.length === 1)
  })

  on('does not delay close()', async (network) => {
    const [a] = await network.connectedPair()
    await requireStall(network.fixture, 'a', 'b').stall()
    await fillWindow(a.transport, network.fixture.windowBytes)
    let isClosed = false
    void a.transport.close().then(() => {
      isClosed = true
    })
    await network.eventually('the end of close()', () => isClosed)
    await network.assertQuiet(a.host)
  })
}

/** Sends to b until its window is full. Returns the number of accepted messages. */
async function fillWindow(transport: Transport, windowBytes: number): Promise<number> {
  const most = windowBytes + BUFFERED_BYTES_MAX
  let accepted = 0
  for (let rejectedRounds = 0; rejectedRounds < FULL_AFTER_ATTEMPTS; rejectedRounds++) {
    for (let sent = 0; sent < SENDS_PER_TURN; sent++)
      if (transport.send('b', messageWithRound(accepted))) {
        accepted++
        rejectedRounds = 0
      }
    const bytes = accepted * messageBytes(messageWithRound(0))
    assert.ok(bytes <= most, `${bytes} bytes were accepted for a stalled peer, but the limit is ${most}`)
    await pause(5)
  }
  return accepted
}

function messageWithRound(round: number): PeerMessage {
  const head = { term: 2, prevIndex: 4, prevTerm: 1, prevChain: 8, commitIndex: 3, round, session: 0 }
  return { type: 'AppendEntriesRequest', ...head, blocks: [BLOCK] }
}

const BLOCK = encodeCommands(5, 2, [PAYLOAD])

/** The rounds of all messages that a node received. Asserts that each is intact. */
function roundsOf({ host }: StartedNode): number[] {
  return host.received.map((message) => {
    assert.ok(
      message.type === 'AppendEntriesRequest' && message.blocks[0] !== undefined,
      'an unexpected message was delivered',
    )
    assert.ok(
      Buffer.from(PAYLOAD).equals(payloadsOf(message.blocks[0])[0] as Uint8Array),
      'the delivered bytes differ from those sent',
    )
    return message.round
  })
}

/** Starts three nodes. The first is connected to both others. */
async function startThreeNodes(network: TestNetwork): Promise<[StartedNode, StartedNode, StartedNode]> {
  const [a, b, c] = [await network.startNode('a'), await network.startNode('b'), await network.startNode('c')]
  const routes = [
    ['b', await network.fixture.addressFor('a', 'b')] as const,
    ['c', await network.fixture.addressFor('a', 'c')] as const,
  ]
  a.transport.setPeers(new Map(routes))
  for (const other of [b, c]) {
    other.transport.setPeers(new Map([['a', await network.fixture.addressFor(other.id, 'a')]]))
    await network.untilConnected(a, other)
  }
  return [a, b, c]
}
