/** What a transport does before it is started and after it is closed. */
import assert from 'node:assert/strict'
import { isRaftError } from '../../../errors.ts'
import type { TransportTest } from './test-network.ts'
import { assertRejects, collect, longSnapshot, pause, readIndexRequest, turn } from './test-network.ts'

export function closing(on: TransportTest): void {
  on('closes before it was started, and twice', async (net) => {
    const transport = net.fixture.createTransport('a')
    await Promise.all([transport.close(), transport.close()])
    await transport.close()
    await assert.rejects(transport.start(net.createHost('a')), (error) => isRaftError(error))
  })

  on('does nothing before the start', async (net) => {
    const transport = net.fixture.createTransport('a')
    assert.equal(transport.send('b', readIndexRequest(1)), false)
    await transport.close()
  })

  on('closes while it starts', async (net) => {
    const transport = net.fixture.createTransport('a')
    const host = net.createHost('a')
    const starting = transport.start(host).catch((error: unknown) => assert.ok(isRaftError(error), String(error)))
    transport.setPeers(new Map([['b', 'nowhere']]))
    await Promise.all([transport.close(), starting])
    await net.assertQuiet(host)
  })

  on('closes while it connects', async (net) => {
    const [a, b] = [await net.startNode('a'), await net.startNode('b')]
    a.transport.setPeers(new Map([['b', await net.fixture.addressFor('a', 'b')]]))
    await a.transport.close()
    await net.assertQuiet(a.host)
    await b.transport.close()
  })

  on('closes while it tries in vain to connect again', async (net) => {
    const [a] = await net.connectedPair()
    await net.fixture.cut('a', 'b')
    await a.host.until('the loss', () => !a.host.isConnected('b'))
    await pause(50)
    await a.transport.close()
    await net.assertQuiet(a.host)
  })

  on('closes after it was refused, and asks no more', async (net) => {
    const [a, b] = [await net.startNode('a'), await net.startNode('b')]
    b.host.rejectPeer = () => ({ code: 'ERR_RAFT_REMOVED', message: 'a is not a member' })
    a.transport.setPeers(new Map([['b', await net.fixture.addressFor('a', 'b')]]))
    await a.host.until('the refusal', () => a.host.callsOfType('refusedBy').length > 0)
    await a.transport.close()
    await net.assertQuiet(a.host)
    await net.assertQuiet(b.host)
  })

  on('closes from within whatever it tells its host', async (net) => {
    for (const [round, type] of (['admit', 'peerConnected', 'receive', 'peerLost'] as const).entries()) {
      const [a, b] = [await net.startNode(`a${round}`), await net.startNode(`b${round}`)]
      const closed = new Promise<void>((resolve, reject) => {
        b.host.onCall = (call) => {
          if (call.type === type) b.transport.close().then(resolve, reject)
        }
      })
      await net.exchangeAddresses(a, b)
      if (type === 'receive' || type === 'peerLost') await net.untilConnected(a, b)
      for (let read = 0; type === 'receive' && read < 100; read++) a.transport.send(b.id, readIndexRequest(read))
      if (type === 'peerLost') await net.fixture.cut(a.id, b.id)
      await b.host.until(`${type}()`, () => b.host.callsOfType(type).length > 0)
      await closed
      for (let read = 0; read < 10; read++) a.transport.send(b.id, readIndexRequest(read))
      await net.assertQuiet(b.host)
      await a.host.until('the loss', () => !a.host.isConnected(b.id))
    }
  })

  on('tells its host nothing once it is closed, however much is under way', async (net) => {
    const [a, b] = await net.connectedPair()
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
    await a.host.until('the loss', () => !a.host.isConnected('b'))
  })

  on('ends what is being fetched', async (net) => {
    const [a, b] = await net.connectedPair()
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

  on('lets go of the snapshots it sends', async (net) => {
    const [a, b] = await net.connectedPair()
    let isRead = true
    b.host.snapshot = () =>
      longSnapshot(() => {
        isRead = false
      })
    const closed: Promise<void>[] = []
    const fetching = collect(a.transport.fetchSnapshot('b', 's1', 0, new AbortController().signal), () => {
      if (closed.length === 0) closed.push(b.transport.close())
    })
    await assertRejects(fetching, 'ERR_RAFT_UNREACHABLE')
    await closed[0]
    await net.eventually('the end of the reading', () => !isRead)
  })
}
