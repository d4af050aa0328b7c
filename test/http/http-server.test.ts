import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { NodeChecks } from '../../src/checks/node-checks.ts'
import type { HttpServer } from '../../src/http/http-server.ts'
import { sendText, serveHttp } from '../../src/http/http-server.ts'
import { operatorRoutes } from '../../src/http/routes.ts'

describe('serveHttp', () => {
  let server: HttpServer
  before(async () => {
    server = await serveHttp({
      listen: '127.0.0.1:0',
      httpConnectionsMax: 8,
      headersTimeoutMs: 100,
      routes: {
        ...operatorRoutes({
          checks: new NodeChecks(),
          metrics: { text: async () => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', body: 'a 1\n' }) },
        }),
        '/page/': ({ path, query }, response) => sendText(response, 200, `${path} ${query.get('q')}`),
        '/faulty': () => {
          throw new Error('faulty')
        },
        '/late': async () => {
          throw new Error('late')
        },
      },
      actions: { '/act': (_, response) => sendText(response, 200, 'acted') },
    })
  })
  after(() => server.close())

  it('closes the connection of a client that does not read', async () => {
    let close = (): void => undefined
    const closed = new Promise<void>((resolve) => {
      close = resolve
    })
    const slow = await serveHttp({
      ...{ listen: '127.0.0.1:0', sendTimeoutMs: 100 },
      routes: {
        '/large': ({ incoming }, response) => {
          incoming.socket.once('close', close)
          sendText(response, 200, 'a'.repeat(32 * 1024 * 1024))
        },
      },
    })
    const [host = '', port] = slow.address.split(':')
    const socket = connect(Number(port), host, () => socket.write('GET /large HTTP/1.1\r\nhost: a\r\n\r\n'))
    socket.on('error', () => undefined).pause()
    await closed
    socket.destroy()
    await slow.close()
  })

  it('keeps the connection of a response that waits for something to send', async () => {
    const patient = await serveHttp({
      ...{ listen: '127.0.0.1:0', sendTimeoutMs: 50 },
      routes: {
        '/later': async ({ incoming }, response) => {
          await once(incoming.socket, 'timeout')
          sendText(response, 200, 'later')
        },
      },
    })
    assert.equal(await (await fetch(`http://${patient.address}/later`)).text(), 'later')
    await patient.close()
  })

  const get = async (path: string, method = 'GET'): Promise<string> => {
    const response = await fetch(`http://${server.address}${path}`, { method })
    return `${response.status} ${await response.text()}`
  }

  /** What the server answers to these bytes, until it closes the connection. */
  const send = (bytes: string): Promise<string> =>
    new Promise((resolve) => {
      let answer = ''
      const [host = '', port] = server.address.split(':')
      const socket = connect(Number(port), host, () => socket.write(bytes))
      socket.on('data', (data) => {
        answer += data.toString()
      })
      socket.on('error', () => undefined)
      socket.on('close', () => resolve(answer))
    })

  it('serves metrics and checks', async () => {
    assert.equal(await get('/metrics'), '200 a 1\n')
    assert.equal(await get('/livez'), '200 ok\n')
    assert.equal(
      await get('/livez?verbose'),
      '200 [+]running ok: it has not failed\n[+]writing ok: no durable write is in progress, at most 60000 ms are normal\nlivez check passed\n',
    )
    assert.equal(await get('/readyz'), '503 [-]listening failed: the node is starting\nreadyz check failed\n')
    const response = await fetch(`http://${server.address}/metrics`)
    assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
    await response.text()
  })

  it('serves everything below a path that ends with a slash', async () => {
    assert.equal(await get('/page/a/b?q=1'), '200 /page/a/b 1')
  })

  it('answers wrong paths and methods, and handlers that fail', async () => {
    assert.match(await get('/none'), /^404 /)
    assert.match(await get('/toString'), /^404 /)
    assert.equal(await get('/livez', 'POST'), '405 only GET, HEAD here\n')
    assert.equal(await get('/act', 'DELETE'), '405 only POST here\n')
    assert.equal(await get('/act'), '405 only POST here\n')
    assert.equal((await fetch(`http://${server.address}/act`)).headers.get('allow'), 'POST')
    assert.match(await get('/none', 'POST'), /^404 /)
    assert.equal(await get('/faulty'), '500 faulty\n')
    assert.equal(await get('/late'), '500 late\n')
  })

  it('survives what is no HTTP, headers that are too large, and requests that never end', async () => {
    assert.equal(await send('\x16\x03\x01 no HTTP\r\n\r\n'), '')
    assert.equal(await send(`GET / HTTP/1.1\r\na: ${'a'.repeat(20_000)}\r\n\r\n`), '')
    assert.doesNotMatch(await send('GET /livez HTTP/1.1\r\n'), /200/)
    assert.match(await send('GET http://[ HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n'), /^HTTP\/1.1 (400|404)/)
    assert.equal(await get('/livez'), '200 ok\n')
  })

  it('closes connections beyond the limit at once', async () => {
    const idle = Array.from({ length: 30 }, () => send(''))
    await Promise.all(idle)
    assert.equal(await get('/livez'), '200 ok\n')
  })

  it('names the address if the port is in use', async () => {
    await assert.rejects(serveHttp({ listen: server.address, routes: {} }), {
      code: 'ERR_RAFT_PORT_IN_USE',
      message: new RegExp(server.address),
    })
  })
})
