/** Links as networks break them: outages, silence, slow readers, wrong addresses. */
import assert from 'node:assert/strict'
import type { PeerMessage } from '../../../src/contracts/transport.ts'
import { GrpcTransport } from '../../../src/grpc/grpc-transport.ts'
import type { GrpcTransportLimits } from '../../../src/grpc/peer/transport-options.ts'
import type { EncodedBlock } from '../../../src/log-format/block.ts'
import { encodeCommands } from '../../../src/log-format/block.ts'
import { RecordingHost } from '../../../src/testing/contracts/transport/recording-host.ts'
import type { GrpcTransportFixture } from './grpc-transport-fixture.ts'
import { grpcTransportFixture } from './grpc-transport-fixture.ts'

const started: GrpcTransport[] = []

describe('links over gRPC', () => {
  afterEach(async () => {
    await Promise.all(started.splice(0).map((transport) => transport.close()))
  })

  it('are back in less than a second after an outage of three', async () => {
    await withPair({}, async ({ a, b, world }) => {
      await world.cut('a', 'b')
      await a.host.until('the loss', () => !a.host.isConnected('b'))
      await pause(3000)
      await world.heal('a', 'b')
      const healed = performance.now()
      await a.host.until('the link', () => a.host.isConnected('b'))
      await b.host.until('the link', () => b.host.isConnected('a'))
      const tookMs = performance.now() - healed
      assert.ok(tookMs < 1000, `it took ${tookMs} ms`)
    })
  })

  it('notice a silent connection, and open a new one as soon as one gets through, though older attempts hang', async () => {
    const limits = { keepaliveTimeMs: 200, keepaliveTimeoutMs: 200, handshakeTimeoutMs: 400 }
    await withPair(limits, async ({ a, b, world }) => {
      const proxies = [await world.proxy('a', 'b'), await world.proxy('b', 'a')]
      for (const proxy of proxies) proxy.stall()
      const silent = performance.now()
      for (const { host, other } of [a, b]) await host.until('the loss', () => !host.isConnected(other))
      assert.ok(performance.now() - silent < 2000)
      await pause(1000) // Attempts hang meanwhile: the proxies accept connections and say nothing.
      for (const proxy of proxies) proxy.resumeNewOnly()
      const speaking = performance.now()
      for (const { host, other } of [a, b]) await host.until('the link', () => host.isConnected(other))
      assert.ok(performance.now() - speaking < 1000, `it took ${performance.now() - speaking} ms`)
      a.transport.send('b', asking(1))
      await b.host.until('a message', () => b.host.received.length === 1)
    })
  })

  it('end when the address leads back to the node itself, saying so', async () => {
    const { transport, host } = await start('a')
    transport.setPeers(new Map([['b', transport.address]]))
    await host.until('the refusal', () => host.callsOfType('refusedBy').length > 0)
    const { code, message } = host.callsOfType('refusedBy')[0]?.refusal ?? {}
    assert.deepEqual([code, message], ['ERR_RAFT_NODE_MISMATCH', 'the address of b leads back to a itself'])
  })

  it('are refused to a second node of the same name', async () => {
    const a = await start('a')
    const twin = await start('a', 'another-disk')
    twin.transport.setPeers(new Map([['b', a.transport.address]]))
    await twin.host.until('the refusal', () => twin.host.callsOfType('refusedBy').length > 0)
    assert.equal(twin.host.callsOfType('refusedBy')[0]?.refusal.code, 'ERR_RAFT_DUPLICATE_NODE')
    const b = await start('b')
    a.transport.setPeers(new Map([['b', b.transport.address]]))
    await b.host.until('a link to a', () => b.host.isConnected('a'))
    twin.transport.setPeers(new Map([['b', b.transport.address]]))
    await twin.host.until('another refusal', () => twin.host.callsOfType('refusedBy').length > 1)
    assert.match(twin.host.callsOfType('refusedBy')[1]?.refusal.message ?? '', /another a, with another data directory/)
    assert.ok(b.host.isConnected('a'))
  })

  it('ask the host once, and wait, when they were refused', async () => {
    const b = await start('b', 'disk', { refusalMemoryMs: 60_000 })
    b.host.rejectPeer = () => ({ code: 'ERR_RAFT_REMOVED', message: 'a is not a member any more' })
    const a = await start('a', 'disk', { refusalPauseMinMs: 20, refusalPauseMaxMs: 80 })
    a.transport.setPeers(new Map([['b', b.transport.address]]))
    await pause(500)
    const refusals = a.host.callsOfType('refusedBy').length
    assert.ok(refusals >= 4 && refusals <= 12, `${refusals} refusals`)
    assert.equal(b.host.callsOfType('admit').length, 1)
  })

  it('survive addresses that are none', async () => {
    const { transport, host } = await start('a')
    const b = await start('b')
    const nowhere = ['', 'nowhere', '127.0.0.1:99999', 'dns:::', 'unix:/nope', 'no-such-host.invalid:1', '\u0000:1']
    transport.setPeers(
      new Map([...nowhere.map((address, n) => [`x${n}`, address] as const), ['b', b.transport.address]]),
    )
    await host.until('a link to b', () => host.isConnected('b'))
    await pause(200)
  })

  it('leave no socket behind when both ends close, whatever they were doing', async () => {
    const sockets = (): number => process.getActiveResourcesInfo().filter((name) => /TCP/.test(name)).length
    const before = sockets()
    const [a, b] = [await start('a'), await start('b')]
    a.transport.setPeers(
      new Map([
        ['b', b.transport.address],
        ['c', '192.0.2.1:1'],
      ]),
    )
    b.host.snapshot = async function* () {
      for (;;) yield new Uint8Array(100_000)
    }
    await a.host.until('a link', () => a.host.isConnected('b'))
    const chunks = a.transport.fetchSnapshot('b', 's1', 0, new AbortController().signal)[Symbol.asyncIterator]()
    await chunks.next()
    const block = encodeCommands(5, 2, [new Uint8Array(100_000)])
    for (let round = 0; round < 100; round++) a.transport.send('b', appending(round, block))
    await Promise.all([a.transport.close(), b.transport.close()])
    await assert.rejects(async () => {
      while (!(await chunks.next()).done);
    })
    await pause(50)
    assert.ok(sockets() <= before, process.getActiveResourcesInfo().join(' '))
  })

  it('are said to be lost once, though there are two streams to lose', async () => {
    await withPair({}, async ({ a, b }) => {
      await b.transport.close()
      await a.host.until('the loss', () => !a.host.isConnected('b'))
      await pause(200)
      assert.deepEqual([a.host.callsOfType('peerConnected').length, a.host.callsOfType('peerLost').length], [1, 1])
    })
  })

  it('go on over the stream that is left when only one breaks', async () => {
    await withPair({}, async ({ a, b, world }) => {
      const dialledByB = await world.proxy('b', 'a')
      dialledByB.cut()
      await a.host.until('a loss', () => a.host.callsOfType('peerLost').length === 1)
      await a.host.until('the other stream', () => a.host.isConnected('b'))
      assert.ok(a.transport.send('b', asking(4)))
      await b.host.until('a message', () => b.host.received.length === 1)
      assert.ok(b.host.isConnected('a'))
    })
  })

  it('move with a peer to its new address', async () => {
    await withPair({}, async ({ a, b }) => {
      const moved = await start('b', 'disk-of-b')
      await b.transport.close()
      a.transport.setPeers(new Map([['b', moved.transport.address]]))
      await moved.host.until('a link to a', () => moved.host.isConnected('a'))
      await a.host.until('a link to b', () => a.host.isConnected('b'))
      a.transport.send('b', asking(9))
      await moved.host.until('a message', () => moved.host.received.length === 1)
    })
  })
})

interface Started {
  readonly transport: GrpcTransport
  readonly host: RecordingHost
}

interface Pair {
  readonly a: Started & { readonly other: 'b' }
  readonly b: Started & { readonly other: 'a' }
  readonly world: GrpcTransportFixture
}

async function withPair(limits: Partial<GrpcTransportLimits>, body: (pair: Pair) => Promise<void>): Promise<void> {
  const world = grpcTransportFixture(limits)
  const make = async (id: string): Promise<Started> => {
    const transport = world.createTransport(id) as GrpcTransport
    const host = new RecordingHost({ clusterId: 'test', nodeId: id, directoryId: `disk-of-${id}` })
    await transport.start(host)
    return { transport, host }
  }
  const a = { ...(await make('a')), other: 'b' as const }
  const b = { ...(await make('b')), other: 'a' as const }
  try {
    a.transport.setPeers(new Map([['b', await world.addressFor('a', 'b')]]))
    b.transport.setPeers(new Map([['a', await world.addressFor('b', 'a')]]))
    await a.host.until('the link', () => a.host.isConnected('b'))
    await b.host.until('the link', () => b.host.isConnected('a'))
    await pause(50) // Both streams are up then, not only the first.
    await body({ a, b, world })
  } finally {
    await Promise.all([a.transport.close(), b.transport.close()])
    await world.close()
  }
}

async function start(id: string, directoryId = 'disk', limits: Partial<GrpcTransportLimits> = {}): Promise<Started> {
  const transport = new GrpcTransport({ listen: '127.0.0.1:0', ...limits })
  started.push(transport)
  const host = new RecordingHost({ clusterId: 'test', nodeId: id, directoryId })
  await transport.start(host)
  return { transport, host }
}

function asking(read: number): PeerMessage {
  return { type: 'ReadIndexRequest', term: 1, read }
}

function appending(round: number, block: EncodedBlock): PeerMessage {
  const head = { term: 2, prevIndex: 4, prevTerm: 1, commitIndex: 3, round, session: 0 }
  return { type: 'AppendEntriesRequest', ...head, blocks: [block] }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
