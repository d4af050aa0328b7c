import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:net'
import { connectSocket } from '../../src/peer-link/connect-socket.ts'
import { ReceiveBuffer } from '../../src/peer-link/receive-buffer.ts'
import { eventually } from '../e2e/real-cluster.ts'

describe('the memory into which a connection is read', () => {
  it('keeps what arrives before there is a listener, and is used for all that follows', async () => {
    const sent = Buffer.from(Array.from({ length: 400_000 }, (_, at) => at % 251))
    const server = createServer((socket) => socket.end(sent)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const received = new ReceiveBuffer()
    const { port } = server.address() as AddressInfo
    const { signal } = new AbortController()
    const socket: Socket = await connectSocket({
      ...{ address: `127.0.0.1:${port}`, timeoutMs: 5000, tls: undefined, signal, received },
    })
    await eventually('bytes arrive', async () => socket.bytesRead || undefined)
    const chunks: Buffer[] = []
    const memory = new Set<ArrayBufferLike>()
    received.listen((bytes) => {
      chunks.push(Buffer.from(bytes))
      memory.add(bytes.buffer)
    })
    const ended = once(socket, 'end')
    socket.resume()
    await ended
    assert.deepEqual([Buffer.concat(chunks).equals(sent), memory.size], [true, 1])
    server.close()
  })
})
