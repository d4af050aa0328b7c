/** Probes of a port release every resource. */
import assert from 'node:assert/strict'
import { getEventListeners, once } from 'node:events'
import { createServer } from 'node:net'
import { probe } from '../../src/peer-link/connect-socket.ts'

describe('a probe of a port', () => {
  it('leaves no listener on the signal, whether the port is open or closed', async () => {
    const server = createServer((socket) => socket.destroy())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const { signal } = new AbortController()
    for (let n = 0; n < 20; n++) await probe({ address: `127.0.0.1:${port}`, timeoutMs: 1000, tls: undefined, signal })
    server.close()
    await once(server, 'close')
    for (let n = 0; n < 20; n++)
      await assert.rejects(probe({ address: `127.0.0.1:${port}`, timeoutMs: 1000, tls: undefined, signal }), {
        code: 'ECONNREFUSED',
      })
    assert.deepEqual(getEventListeners(signal, 'abort'), [])
  })

  it('rejects at once if its signal is aborted', async () => {
    const control = new AbortController()
    control.abort(new Error('closing'))
    await assert.rejects(
      probe({ address: '127.0.0.1:1', timeoutMs: 1000, tls: undefined, signal: control.signal }),
      /closing/,
    )
  })
})
