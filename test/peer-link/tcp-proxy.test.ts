/** What a TCP proxy does with the bytes of its connections, in each condition. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { TcpProxy } from '../../src/testing/network/tcp-proxy.ts'

describe('a TCP proxy', () => {
  let server: Server
  let proxy: TcpProxy
  const sockets: Socket[] = []

  beforeEach(async () => {
    server = createServer((socket) => {
      sockets.push(socket)
      // Answers each byte with the byte after it.
      socket.on('error', () => undefined).on('data', (bytes) => socket.write(bytes.map((byte) => byte + 1)))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    proxy = await new TcpProxy(`127.0.0.1:${(server.address() as AddressInfo).port}`).listen()
  })
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy()
    await proxy.close()
    server.close()
  })

  const open = async (): Promise<Socket> => {
    const socket = connect(Number(proxy.address.split(':')[1]), '127.0.0.1')
    sockets.push(socket.on('error', () => undefined))
    await once(socket, 'connect')
    return socket
  }
  const answerTo = async (socket: Socket, bytes: Uint8Array): Promise<Buffer> => {
    socket.write(bytes)
    return ((await once(socket, 'data')) as [Buffer])[0]
  }

  it('passes bytes on', async () => {
    assert.deepEqual(await answerTo(await open(), Buffer.of(1)), Buffer.of(2))
  })

  it('closes its connections when it is cut, and accepts new ones once it is healed', async () => {
    const socket = await open()
    await answerTo(socket, Buffer.of(1))
    proxy.cut()
    await once(socket, 'close')
    await once(await open(), 'close')
    proxy.heal()
    assert.deepEqual(await answerTo(await open(), Buffer.of(3)), Buffer.of(4))
  })

  it('delays both directions', async () => {
    const socket = await open()
    proxy.delay(40)
    const startedAt = performance.now()
    await answerTo(socket, Buffer.of(1))
    assert.ok(performance.now() - startedAt >= 79, `${performance.now() - startedAt} ms`)
  })

  it('drops one direction only, and closes the connection at the end because bytes are lost', async () => {
    const socket = await open()
    await answerTo(socket, Buffer.of(1))
    const [far] = sockets.filter((each) => each !== socket)
    proxy.set('forward', { type: 'drop' })
    socket.write(Buffer.of(5))
    far?.write(Buffer.of(9))
    assert.deepEqual(await once(socket, 'data'), [Buffer.of(9)])
    proxy.set('forward', undefined)
    await once(socket, 'close')
  })

  it('holds everything while it is stalled, and delivers it afterwards', async () => {
    const socket = await open()
    await answerTo(socket, Buffer.of(1))
    proxy.stall()
    let received = 0
    socket.on('data', () => received++)
    socket.write(Buffer.of(7))
    const another = await open()
    another.write(Buffer.of(1))
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(received, 0)
    proxy.resume()
    assert.deepEqual(await once(another, 'data'), [Buffer.of(2)])
    if (received === 0) await once(socket, 'data')
  })

  it('changes one bit of the next large read', async () => {
    const socket = await open()
    proxy.corruptNext()
    let changed = 0
    socket.on('data', (bytes: Buffer) => {
      changed += bytes.filter((byte) => byte !== 1).length
    })
    for (let sent = 0; changed === 0 && sent < 100; sent++) {
      socket.write(Buffer.alloc(256 * 1024))
      await once(socket, 'data')
    }
    assert.equal(changed, 1)
  })
})
