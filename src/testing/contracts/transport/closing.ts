/** Checks of a transport before start(), while it closes, and after it is closed. */
import assert from 'node:assert/strict'
import { isRaftError } from '../../../errors.ts'
import type { TransportTest } from './test-network.ts'
import { assertRejects, collect, longSnapshot, pause, readIndexRequest, turn } from './test-network.ts'

export function closing(on: TransportTest): void {
  on('can be closed before it is started, and twice: a later start rejects with ERR_RAFT_CLOSED', async (network) => {
    const transport = await network.createTransport('a')
    await Promise.all([transport.close(), transport.close()])
    await transport.close()
    await assertRejects(transport.start(network.createHost('a')), 'ERR_RAFT_CLOSED')
  })

  on('sends nothing before it is started', async (network) => {
    const transport = await network.createTransport('a')
    assert.equal(transport.send('b', readIndexRequest(1)), false)
    await transport.close()
  })

  on('can be closed while it starts', async (network) => {
    const transport = await network.createTransport('a')
    const host = network.createHost('a')
    const starting = transport.start(host).catch((error: unknown) => assert.ok(isRaftError(error), String(error)))
    transport.setPeers(new Map([['b', 'nowhere']]))
    await Promise.all([transport.close(), starting])
    await network.assertQuiet(host)
  })

  on('can be closed while it connects', async (network) => {
    const [a, b] = [await network.startNode('a'), await network.startNode('b')]
    a.transport.setPeers(new Map([['b', await network.fixture.addressFor('a', 'b')]]))
    await a.transport.close()
    await network.assertQuiet(a.host)
    await b.transport.close()
  })

  on('can be closed while it retries a connection', async (network) => {
    const [a] = await network.connectedPair()
    await network.fixture.cut('a', 'b')
    await a.host.until('the loss of the link', () => !a.host.isConnected('b'))
    await pause(50)
    await a.transport.close()
    await network.assertQuiet(a.host)
  })

  on('can be closed after a rejection, and stops retrying', async (network) => {
    const [a, b] = [await network.startNode('a'), await network.startNode('b')]
    b.host.rejectPeer = () => ({ code: 'ERR_RAFT_REMOVED', message: 'a is not a member' })
    a.transport.setPeers(new Map([['b', await network.fixture.addressFor('a', 'b')]]))
    await a.host.until('the rejection', () => a.host.callsOfType('refusedBy').length > 0)
    await a.transport.close()
    await network.assertQuiet(a.host)
    await network.assertQuiet(b.host)
  })

  on('can be closed inside any call to its host', async (network) => {
    for (const [round, type] of (['admit', 'peerConnected', 'receive', 'peerLost'] as const).entries()) {
      const [a, b] = [await network.startNode(`a${round}`), await network.startNode(`b${round}`)]
      const closed = new Promise<void>((resolve, reject) => {
        b.host.onCall = (call) => {
          if (call.type === type) b.transport.close().then(resolve, reject)
        }
      })
      await network.exchangeAddresses(a, b)
      if (type === 'receive' || type === 'peerLost') await network.untilConnected(a, b)
      for (let read = 0; type === 'receive' && read < 100; read++) a.transport.send(b.id, readIndexRequest(read))
      if (type === 'peerLost') await network.fixture.cut(a.id, b.id)
      await b.host.until(`${type}()`, () => b.host.callsOfType(type).length > 0)
      await closed
      for (let read = 0; read < 10; read++) a.transport.send(b.id, readIndexRequest(read))
      await network.assertQuiet(b.host)
      await a.host.until('the loss of the link', () => !a.host.isConnected(b.id))
    }
  })

  on('makes no call to its host after it is closed, whatever is pending', async (network) => {
    const [a, b] = await network.connectedPair()
    for (let read = 0; read < 2000; read++) a.transport.send('b', readIndexRequest(read))
    await turn()
    await b.transport.close()
    const known = b.host.calls.length
    for (let read = 0; read < 100; read++) {
      a.transport.send('b', readIndexRequest(read))
      await turn()
    }
    await pause(50)
    assert.equal(b.host.calls.length, known)
    assert.equal(b.transport.send('a', readIndexRequest(1)), false)
    await a.host.until('the loss of the link', () => !a.host.isConnected('b'))
  })

  on('ends pending fetches with ERR_RAFT_CLOSED when it closes', async (network) => {
    const [a, b] = await network.connectedPair()
    b.host.snapshot = () => longSnapshot()
    const fetching = collect(
      a.transport.fetchSnapshot('b', 's1', 0, new AbortController().signal),
      () => void a.transport.close(),
    )
    await assertRejects(fetching, 'ERR_RAFT_CLOSED')
    await assertRejects(
      collect(a.transport.fetchSnapshot('b', 's1', 0, new AbortController().signal)),
      'ERR_RAFT_CLOSED',
    )
  })

  on('stops reading the snapshots it sends when it closes', async (network) => {
    const [a, b] = await network.connectedPair()
    let isReading = true
    b.host.snapshot = () =>
      longSnapshot(() => {
        isReading = false
      })
    const closed: Promise<void>[] = []
    const fetching = collect(a.transport.fetchSnapshot('b', 's1', 0, new AbortController().signal), () => {
      if (closed.length === 0) closed.push(b.transport.close())
    })
    await assertRejects(fetching, 'ERR_RAFT_UNREACHABLE')
    await closed[0]
    await network.eventually('the end of the read', () => !isReading)
  })
}
