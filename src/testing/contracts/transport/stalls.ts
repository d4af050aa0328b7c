/** A peer that takes nothing for a while, without a word: a stopped process, a full receive window, a switch that drops everything. */
import assert from 'node:assert/strict'
import type { PeerMessage, Transport } from '../../../contracts/transport.ts'
import { messageBytes } from '../../../contracts/transport.ts'
import { encodeCommands, payloadsOf } from '../../../log-format/block.ts'
import { requireStall } from './capabilities.ts'
import type { StartedNode, TestNetwork, TransportTest } from './test-network.ts'
import { MIB, pause, readIndexRequest } from './test-network.ts'

const PAYLOAD = new Uint8Array(MIB / 16).fill(5)
/** What sockets and the like may hold beside the window. */
const BUFFERED_BYTES_MAX = 16 * MIB
/** Far less than all that is dropped in vain, and more than a process takes for itself meanwhile. */
const GROWTH_BYTES_MAX = 64 * MIB
/** A stalled peer is tried again and again; after so many turns in vain it counts as full. */
const FULL_AFTER_ATTEMPTS = 20
const SENDS_PER_TURN = 128

export function stalls(on: TransportTest): void {
  on(
    'is sent no more than its window and what lies in buffers: the rest is dropped, said so, and not kept',
    async (net) => {
      const [a] = await net.connectedPair()
      const { stall } = requireStall(net.fixture, 'a', 'b')
      await stall()
      const before = process.memoryUsage().arrayBuffers
      await fillWindow(a.transport, net.fixture.windowBytes)
      const grown = process.memoryUsage().arrayBuffers - before
      assert.ok(grown <= GROWTH_BYTES_MAX, `${Math.round(grown / MIB)} MiB more are held than before`)
    },
  )

  on(
    'gets what was sent to it in order and unharmed once it takes again, and what is sent from then on',
    async (net) => {
      const [a, b] = await net.connectedPair()
      const { stall, resume } = requireStall(net.fixture, 'a', 'b')
      await stall()
      const taken = await fillWindow(a.transport, net.fixture.windowBytes)
      await resume()
      await net.eventually('room in the window', () => a.transport.send('b', messageWithRound(taken)))
      await b.host.until('the last message', () => roundsOf(b).includes(taken))
      const rounds = roundsOf(b)
      assert.deepEqual(
        rounds,
        [...new Set(rounds)].sort((one, other) => one - other),
        'not in order, or twice',
      )
    },
  )

  on('holds up nobody else', async (net) => {
    const [a, , c] = await startThreeNodes(net)
    await requireStall(net.fixture, 'a', 'b').stall()
    await fillWindow(a.transport, net.fixture.windowBytes)
    for (let read = 0; read < 100; read++)
      assert.ok(a.transport.send('c', readIndexRequest(read)), 'no room for another peer')
    await c.host.until('100 messages', () => c.host.received.length === 100)
    assert.ok(c.transport.send('a', readIndexRequest(7)))
    await a.host.until('an answer', () => a.host.received.length === 1)
  })

  on('does not hold up the close', async (net) => {
    const [a] = await net.connectedPair()
    await requireStall(net.fixture, 'a', 'b').stall()
    await fillWindow(a.transport, net.fixture.windowBytes)
    let isClosed = false
    void a.transport.close().then(() => {
      isClosed = true
    })
    await net.eventually('the end of close()', () => isClosed)
    await net.assertQuiet(a.host)
  })
}

/** Sends to b until it takes nothing any more; how many messages were taken. */
async function fillWindow(transport: Transport, windowBytes: number): Promise<number> {
  const most = windowBytes + BUFFERED_BYTES_MAX
  let taken = 0
  for (let inVain = 0; inVain < FULL_AFTER_ATTEMPTS; inVain++) {
    for (let sent = 0; sent < SENDS_PER_TURN; sent++)
      if (transport.send('b', messageWithRound(taken))) {
        taken++
        inVain = 0
      }
    const bytes = taken * messageBytes(messageWithRound(0))
    assert.ok(bytes <= most, `${bytes} bytes were taken for a peer that takes none, and ${most} are the most`)
    await pause(5)
  }
  return taken
}

function messageWithRound(round: number): PeerMessage {
  const head = { term: 2, prevIndex: 4, prevTerm: 1, commitIndex: 3, round, session: 0 }
  return { type: 'AppendEntriesRequest', ...head, blocks: [BLOCK] }
}

const BLOCK = encodeCommands(5, 2, [PAYLOAD])

/** Which pieces came to a node, all of them whole. */
function roundsOf({ host }: StartedNode): number[] {
  return host.received.map((message) => {
    assert.ok(message.type === 'AppendEntriesRequest' && message.blocks[0] !== undefined, 'another message came')
    assert.ok(Buffer.from(PAYLOAD).equals(payloadsOf(message.blocks[0])[0] as Uint8Array), 'other bytes came')
    return message.round
  })
}

/** Three nodes, each of which has found the first. */
async function startThreeNodes(net: TestNetwork): Promise<[StartedNode, StartedNode, StartedNode]> {
  const [a, b, c] = [await net.startNode('a'), await net.startNode('b'), await net.startNode('c')]
  const routes = [
    ['b', await net.fixture.addressFor('a', 'b')] as const,
    ['c', await net.fixture.addressFor('a', 'c')] as const,
  ]
  a.transport.setPeers(new Map(routes))
  for (const other of [b, c]) {
    other.transport.setPeers(new Map([['a', await net.fixture.addressFor(other.id, 'a')]]))
    await net.untilConnected(a, other)
  }
  return [a, b, c]
}
