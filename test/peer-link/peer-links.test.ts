/** Links between nodes under network faults: outages, stalls, slow readers and wrong addresses. */
import assert from 'node:assert/strict'
import type { EncodedBlock } from '../../src/contracts/encoded-block.ts'
import type { PeerMessage, Transport } from '../../src/contracts/transport.ts'
import { encodeCommands } from '../../src/log-format/block.ts'
import type { PeerLinkLimits } from '../../src/peer-link/limits.ts'
import type { ProxiedTransports } from '../../src/testing/contracts/transport/proxied-transports.ts'
import { RecordingHost } from '../../src/testing/contracts/transport/recording-host.ts'
import type { TransportKind } from './transport-fixture.ts'
import { makeTransport, TRANSPORT_KINDS, transportFixture } from './transport-fixture.ts'

let kind: TransportKind = 'grpc'
const started: Transport[] = []

for (const each of TRANSPORT_KINDS)
  describe(`a link over ${each}`, () => {
    before(() => {
      kind = each
    })

    afterEach(async () => {
      await Promise.all(started.splice(0).map((transport) => transport.close()))
    })

    it('is restored within one second after an outage of three seconds', async () => {
      await withPair({}, async ({ a, b, fixture }) => {
        await fixture.cut('a', 'b')
        await a.host.until('the loss', () => !a.host.isConnected('b'))
        await pause(3000)
        await fixture.heal('a', 'b')
        const healed = performance.now()
        await a.host.until('the link', () => a.host.isConnected('b'))
        await b.host.until('the link', () => b.host.isConnected('a'))
        const tookMs = performance.now() - healed
        assert.ok(tookMs < 1000, `it took ${tookMs} ms`)
      })
    })

    it('detects a stalled connection and opens a new one although older attempts hang', async () => {
      const limits = { keepaliveTimeMs: 200, keepaliveTimeoutMs: 200, handshakeTimeoutMs: 400 }
      await withPair(limits, async ({ a, b, fixture }) => {
        const proxies = [await fixture.proxy('a', 'b'), await fixture.proxy('b', 'a')]
        for (const proxy of proxies) proxy.stall()
        const stalledAt = performance.now()
        for (const { host, other } of [a, b]) await host.until('the loss', () => !host.isConnected(other))
        assert.ok(performance.now() - stalledAt < 2000)
        await pause(1000) // Attempts hang: the proxies accept connections and forward nothing.
        for (const proxy of proxies) proxy.resumeNewOnly()
        const resumedAt = performance.now()
        for (const { host, other } of [a, b]) await host.until('the link', () => host.isConnected(other))
        assert.ok(performance.now() - resumedAt < 1000, `it took ${performance.now() - resumedAt} ms`)
        a.transport.send('b', readIndexRequest(1))
        await b.host.until('a message', () => b.host.received.length === 1)
      })
    })

    it('is kept after the time within which a peer must greet', async () => {
      await withPair({ greetingTimeoutMs: 100 }, async ({ a, b }) => {
        await pause(250)
        for (const { host } of [a, b]) assert.deepEqual(host.callsOfType('peerLost'), [])
      })
    })

    it('is refused with a reason if the address leads back to the node itself', async () => {
      const { transport, host } = await start('a')
      transport.setPeers(new Map([['b', transport.address]]))
      await host.until('the refusal', () => host.callsOfType('refusedBy').length > 0)
      const { code, message } = host.callsOfType('refusedBy')[0]?.refusal ?? {}
      assert.deepEqual([code, message], ['ERR_RAFT_NODE_MISMATCH', 'the address of b leads back to a itself'])
    })

    it('is refused to a second node with the same id', async () => {
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
      assert.match(
        twin.host.callsOfType('refusedBy')[1]?.refusal.message ?? '',
        /another a, with another data directory/,
      )
      assert.ok(b.host.isConnected('a'))
    })

    it('backs off after a refusal, and the refusing host is asked once while its refusal is cached', async () => {
      const b = await start('b', 'disk', { refusalMemoryMs: 60_000 })
      b.host.rejectPeer = () => ({ code: 'ERR_RAFT_REMOVED', message: 'a is no longer a member' })
      const a = await start('a', 'disk', { refusalPauseMinMs: 20, refusalPauseMaxMs: 80 })
      a.transport.setPeers(new Map([['b', b.transport.address]]))
      await pause(500)
      const refusals = a.host.callsOfType('refusedBy').length
      assert.ok(refusals >= 4 && refusals <= 12, `${refusals} refusals`)
      assert.equal(b.host.callsOfType('admit').length, 1)
    })

    it('is established although other peers have invalid addresses', async () => {
      const { transport, host } = await start('a')
      const b = await start('b')
      const nowhere = ['', 'nowhere', '127.0.0.1:99999', 'dns:::', 'unix:/nope', 'no-such-host.invalid:1', '\u0000:1']
      transport.setPeers(
        new Map([...nowhere.map((address, n) => [`x${n}`, address] as const), ['b', b.transport.address]]),
      )
      await host.until('a link to b', () => host.isConnected('b'))
      await pause(200)
    })

    it('leaves no socket open once both ends have closed during transfers and connection attempts', async () => {
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
      for (let round = 0; round < 100; round++) a.transport.send('b', appendEntries(round, block))
      await Promise.all([a.transport.close(), b.transport.close()])
      await assert.rejects(async () => {
        while (!(await chunks.next()).done);
      })
      await pause(50)
      assert.ok(sockets() <= before, process.getActiveResourcesInfo().join(' '))
    })

    it('is reported as lost once although it has two streams', async () => {
      await withPair({}, async ({ a, b }) => {
        await b.transport.close()
        await a.host.until('the loss', () => !a.host.isConnected('b'))
        await pause(200)
        assert.deepEqual([a.host.callsOfType('peerConnected').length, a.host.callsOfType('peerLost').length], [1, 1])
      })
    })

    it('continues over the other stream if one breaks', async () => {
      await withPair({}, async ({ a, b, fixture }) => {
        const dialledByB = await fixture.proxy('b', 'a')
        dialledByB.cut()
        await a.host.until('a loss', () => a.host.callsOfType('peerLost').length === 1)
        await a.host.until('the other stream', () => a.host.isConnected('b'))
        assert.ok(a.transport.send('b', readIndexRequest(4)))
        await b.host.until('a message', () => b.host.received.length === 1)
        assert.ok(b.host.isConnected('a'))
      })
    })

    it('is opened at another address of a peer that does not answer at its own, although another node answers there', async () => {
      const [b, c] = [await start('b'), await start('c')]
      const a = await start('a', 'disk', { refusalPauseMinMs: 60_000, refusalPauseMaxMs: 60_000 })
      const nowhere = '127.0.0.1:1'
      for (const own of [nowhere, c.transport.address]) {
        const from = a.host.calls.length
        const isReached = (): boolean =>
          a.host.calls.slice(from).some((call) => call.type === 'peerReached' && call.address === b.transport.address)
        a.transport.setPeers(new Map([['b', own]]), new Map([['b', [b.transport.address]]]))
        await a.host.until(`b instead of ${own}`, isReached)
        assert.ok(a.host.isConnected('b'))
        assert.equal(b.host.callsOfType('admit').at(-1)?.peer.reachedAt, b.transport.address)
        assert.equal(
          a.host.callsOfType('admit').findLast(({ peer }) => peer.nodeId === 'b')?.peer.address,
          b.transport.address,
        )
        a.transport.setPeers(new Map())
        await a.host.until('the loss', () => !a.host.isConnected('b'))
      }
    })

    it('is tried at an added address at once, also during the pause after a rejection', async () => {
      const [b, c] = [await start('b'), await start('c')]
      const a = await start('a', 'disk', { refusalPauseMinMs: 60_000, refusalPauseMaxMs: 60_000 })
      a.transport.setPeers(new Map([['b', c.transport.address]]))
      await a.host.until('the refusal', () => a.host.callsOfType('refusedBy').length > 0)
      a.transport.setPeers(new Map([['b', c.transport.address]]), new Map([['b', [b.transport.address]]]))
      await a.host.until('a link', () => a.host.isConnected('b'))
    })

    it('is kept when the address at which it works becomes the first one', async () => {
      const [a, b] = [await start('a'), await start('b')]
      a.transport.setPeers(new Map([['b', '127.0.0.1:1']]), new Map([['b', [b.transport.address]]]))
      await a.host.until('a link', () => a.host.isConnected('b'))
      a.transport.setPeers(new Map([['b', b.transport.address]]))
      await pause(100)
      assert.equal(a.host.callsOfType('peerLost').length, 0)
    })

    it('is reported as out of reach after an attempt at every address', async () => {
      const a = await start('a')
      a.transport.setPeers(new Map([['b', '127.0.0.1:1']]), new Map([['b', ['127.0.0.1:2']]]))
      await a.host.until('two reports', () => a.host.callsOfType('peerReached').length === 2)
      assert.deepEqual(
        a.host.callsOfType('peerReached').map(({ address }) => address),
        [undefined, undefined],
      )
    })

    it('follows a peer to its new address', async () => {
      await withPair({}, async ({ a, b }) => {
        const moved = await start('b', 'disk-of-b')
        await b.transport.close()
        a.transport.setPeers(new Map([['b', moved.transport.address]]))
        await moved.host.until('a link to a', () => moved.host.isConnected('a'))
        await a.host.until('a link to b', () => a.host.isConnected('b'))
        a.transport.send('b', readIndexRequest(9))
        await moved.host.until('a message', () => moved.host.received.length === 1)
      })
    })
  })

interface Started {
  readonly transport: Transport
  readonly host: RecordingHost
}

interface Pair {
  readonly a: Started & { readonly other: 'b' }
  readonly b: Started & { readonly other: 'a' }
  readonly fixture: ProxiedTransports
}

async function withPair(limits: Partial<PeerLinkLimits>, body: (pair: Pair) => Promise<void>): Promise<void> {
  const fixture = transportFixture(kind, limits)
  const make = async (id: string): Promise<Started> => {
    const transport = await fixture.createTransport(id)
    const host = new RecordingHost({ clusterId: 'test', nodeId: id, directoryId: `disk-of-${id}` })
    await transport.start(host)
    return { transport, host }
  }
  const a = { ...(await make('a')), other: 'b' as const }
  const b = { ...(await make('b')), other: 'a' as const }
  try {
    a.transport.setPeers(new Map([['b', await fixture.addressFor('a', 'b')]]))
    b.transport.setPeers(new Map([['a', await fixture.addressFor('b', 'a')]]))
    await a.host.until('the link', () => a.host.isConnected('b'))
    await b.host.until('the link', () => b.host.isConnected('a'))
    await pause(50) // By then both streams are open, not only the first.
    await body({ a, b, fixture })
  } finally {
    await Promise.all([a.transport.close(), b.transport.close()])
    await fixture.close()
  }
}

async function start(id: string, directoryId = 'disk', limits: Partial<PeerLinkLimits> = {}): Promise<Started> {
  const transport = makeTransport(kind, id, limits)
  started.push(transport)
  const host = new RecordingHost({ clusterId: 'test', nodeId: id, directoryId })
  await transport.start(host)
  return { transport, host }
}

function readIndexRequest(read: number): PeerMessage {
  return { type: 'ReadIndexRequest', term: 1, read }
}

function appendEntries(round: number, block: EncodedBlock): PeerMessage {
  const head = { term: 2, prevIndex: 4, prevTerm: 1, prevChain: 8, commitIndex: 3, round, session: 0 }
  return { type: 'AppendEntriesRequest', ...head, blocks: [block] }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
