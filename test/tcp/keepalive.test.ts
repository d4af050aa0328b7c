import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { FrameSocket } from '../../src/tcp/frame-socket.ts'

const LIMITS = { keepaliveTimeMs: 20, keepaliveTimeoutMs: 20 }

describe('a TCP connection on which only pings are answered', () => {
  it('lives on, also when the process is late and finds both timers due', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const dialled = connect((server.address() as AddressInfo).port, '127.0.0.1')
    const [accepted] = (await once(server, 'connection')) as [Socket]
    let answers = 0
    dialled.on('data', () => answers++)
    const ends: string[] = []
    const sockets = [dialled, accepted].map((socket) => new FrameSocket(socket, LIMITS, undefined))
    for (const socket of sockets)
      socket.listen({
        onFrame: () => undefined,
        onChunkEnd: () => undefined,
        onMalformed: (reason) => ends.push(reason),
        onEnded: (reason) => ends.push(reason),
        onForeign: () => ends.push('foreign'),
      })
    const closed = once(dialled, 'close')
    while (answers < 20 && ends.length === 0) {
      await Promise.race([once(dialled, 'data'), closed])
      // Longer than a check and a timeout: at the next turn of the event loop both are due.
      for (const until = performance.now() + 30; performance.now() < until; );
    }
    for (const socket of [dialled, accepted]) socket.destroy()
    server.close()
    assert.deepEqual(ends, [])
  })
})
