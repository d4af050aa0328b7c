/** Tests the routes of the dashboard without a browser: its page, its stream with its limits, and who is refused. */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { connect } from 'node:net'
import { serveDemoPage } from '../../src/cli/demo/demo-page.ts'
import { dashboardRoutes } from '../../src/http/dashboard/dashboard-routes.ts'
import { Feed } from '../../src/http/dashboard/feed.ts'
import type { FeedMessage } from '../../src/http/dashboard/feed-message.ts'
import { NodeFeed } from '../../src/http/dashboard/node-feed.ts'
import type { HttpServer } from '../../src/http/http-server.ts'
import { serveHttp } from '../../src/http/http-server.ts'
import { startMemoryCluster } from '../../src/memory-cluster.ts'
import { eventually } from '../e2e/real-cluster.ts'

/** About 33 KB when compressed. */
const PAGE_BYTES_MAX = 110_000

const machine = () => ({ apply: () => 'done', *snapshot() {}, restore() {} })

describe('the dashboard', () => {
  const servers: HttpServer[] = []
  const listen = async (feed: Feed, limits = {}): Promise<HttpServer> => {
    const server = await serveHttp({ listen: '127.0.0.1:0', routes: dashboardRoutes(feed, limits) })
    servers.push(server)
    return server
  }
  after(() => Promise.all(servers.map((server) => server.close())))

  it('is a page of three files, which name no other place and may load nothing from one', async () => {
    const { address } = await listen(new Feed())
    let bytes = 0
    for (const [path, type] of [
      ['/', 'text/html'],
      ['/page.js', 'text/javascript'],
      ['/page.css', 'text/css'],
    ] as const) {
      const response = await fetch(`http://${address}${path}`)
      assert.equal(response.status, 200)
      assert.match(response.headers.get('content-type') ?? '', new RegExp(type))
      const policy = response.headers.get('content-security-policy') ?? ''
      assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/)
      assert.doesNotMatch(policy, /unsafe|http|\*/)
      const text = await response.text()
      bytes += text.length
      const places = [...text.matchAll(/(?:https?:)?\/\/[a-z][\w.-]+\.[a-z]{2,}/g)].map(([place]) => place)
      assert.deepEqual(
        places.filter((place) => !/\/\/(www\.w3\.org|github\.com)/.test(place)),
        [],
      )
    }
    assert.ok(bytes > 10_000 && bytes <= PAGE_BYTES_MAX, `it has ${bytes} bytes`)
  })

  it('streams the state of a node and its events, without the ids of directories', async () => {
    const feed = new NodeFeed({ dashboardIntervalMs: 10 })
    const cluster = await startMemoryCluster({ nodes: 1, stateMachine: machine, observers: [feed] })
    const leader = await cluster.leader()
    const { address } = await listen(feed)
    const page = openStream(address)
    await leader.propose('x')
    const view = await eventually('a view of the proposal', async () =>
      messagesOf(page.text()).find((each) => each.type === 'view' && each.rates.proposals === 1),
    )
    assert.ok(view.type === 'view' && view.view.role === 'leader' && view.view.commitIndex > 0)
    assert.ok(messagesOf(page.text()).some((each) => each.type === 'event' && each.event.type === 'becameLeader'))
    const { directoryId } = leader.statusNow()
    assert.ok(directoryId.length > 3)
    assert.ok(!JSON.stringify(view).includes('directoryId'))
    const foreign = 'the directory is 0f9619ff-8b86-4011-b42d-00cf4fc964ff, not the one of n2'
    feed.event(leader.id, { type: 'peerRefused', peer: 'n2', code: 'ERR_RAFT_DIRECTORY_MISMATCH', message: foreign })
    await eventually('the event', async () => (page.text().includes('the directory is …, not') ? true : undefined))
    page.close()
    await cluster.close()
  })

  it('does nothing while no page is open', async () => {
    const feed = new NodeFeed({ dashboardIntervalMs: 1 })
    let asked = 0
    const cluster = await startMemoryCluster({ nodes: 1, stateMachine: machine })
    const status = (await cluster.leader()).statusNow()
    await cluster.close()
    feed.attach({
      id: 'n1',
      status: () => {
        asked++
        return status
      },
    })
    feed.event('n1', { type: 'becameLeader', term: 1, noopIndex: 1 })
    assert.equal(asked, 0)
    const leave = feed.subscribe(() => undefined)
    assert.equal(asked, 1)
    leave()
    feed.event('n1', { type: 'becameLeader', term: 2, noopIndex: 2 })
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(asked, 1)
  })

  it('bounds the number of streams, and takes another page once one has left', async () => {
    const feed = new Feed()
    const { address } = await listen(feed, { eventStreamsMax: 2 })
    const pages = [openStream(address), openStream(address)]
    await eventually('both', async () => (pages.every((page) => page.text() !== '') ? true : undefined))
    const refused = await fetch(`http://${address}/events/stream`)
    assert.equal(refused.status, 503)
    assert.match(await refused.text(), /eventStreamsMax/)
    pages[0]?.close()
    const third = await eventually('a free stream', async () => {
      const page = openStream(address)
      await new Promise((resolve) => setTimeout(resolve, 5))
      if (page.text() !== '') return page
      page.close()
      return undefined
    })
    pages[1]?.close()
    third.close()
  })

  it('ends the stream of a page that does not read, and remembers a bounded number of events', async () => {
    const feed = new Feed({ recentEventsMax: 3 })
    const { address } = await listen(feed, { eventStreamBytesMax: 100_000 })
    const [host = '', port] = address.split(':')
    const socket = connect(Number(port), host)
    socket.write(`GET /events/stream HTTP/1.1\r\nhost: ${address}\r\n\r\n`)
    await new Promise((resolve) => socket.once('readable', resolve))
    // It never reads. The buffers of the two sockets fill first.
    const closed = new Promise<void>((resolve) => {
      feed.onWatched = (isWatched) => {
        if (!isWatched) resolve()
      }
    })
    let sent = 0
    const text = 'x'.repeat(50_000)
    const timer = setInterval(() => {
      for (let count = 0; count < 20; count++, sent++) feed.publish({ type: 'note', at: 0, text: `${sent} ${text}` })
    }, 1)
    await closed
    clearInterval(timer)
    socket.destroy()
    const remembered: string[] = []
    feed.subscribe((each) => remembered.push(each))
    assert.equal(remembered.length, 3)
  })

  it('refuses a name of a stranger for this machine', async () => {
    const { address } = await listen(new Feed())
    const port = address.split(':')[1]
    for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1.evil.example'])
      for (const path of ['/', '/events/stream']) assert.equal((await ask(address, { path, host })).status, 403, host)
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, 'localhost', `[::1]:${port}`])
      assert.equal((await ask(address, { path: '/', host })).status, 200, host)
  })
})

describe('the page of the demo', () => {
  it('takes orders from itself only', async () => {
    const ordered: (readonly string[])[] = []
    const kill = (nodes: readonly string[]): boolean => {
      ordered.push(nodes)
      return !nodes.includes('n9')
    }
    const server = await serveDemoPage(new Feed(), { kill })
    const { address } = server
    const [path, method] = ['/demo/kill?node=n2', 'POST']
    const html = (await ask(address, { path: '/', host: address })).text
    const token = /<meta name="quorate-demo" content="([\w-]{32})">/.exec(html)?.[1] ?? ''
    const headers = { 'x-quorate-token': token }
    const refused = [
      {},
      { 'x-quorate-token': `${token.slice(1)}x` },
      { ...headers, origin: 'http://evil.example' },
      { ...headers, origin: 'null' },
    ]
    for (const given of refused)
      assert.equal((await ask(address, { path, method, host: address, headers: given })).status, 403)
    assert.equal((await ask(address, { path, method, host: 'evil.example', headers })).status, 403)
    assert.equal((await ask(address, { path, method: 'GET', host: address, headers })).status, 405)
    assert.equal((await ask(address, { path: '/demo/quit', method, host: address, headers })).status, 404)
    assert.deepEqual(ordered, [])
    const own = { ...headers, origin: `http://${address}` }
    assert.equal((await ask(address, { path, method, host: address, headers: own })).status, 202)
    assert.equal((await ask(address, { path: '/demo/kill', method, host: address, headers })).status, 202)
    assert.equal((await ask(address, { path: '/demo/kill?node=n9', method, host: address, headers })).status, 409)
    assert.deepEqual(ordered, [['n2'], [], ['n9']])
    await server.close()
  })
})

interface Question {
  readonly path: string
  readonly host: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
}

function ask(address: string, question: Question): Promise<{ status: number; text: string }> {
  const { path, host, method = 'GET', headers = {} } = question
  return new Promise((resolve, reject) => {
    const [hostname, port] = address.split(':')
    const sent = request({ hostname, port, path, method, headers: { ...headers, host } }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part) => {
        text += part
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
    sent.on('error', reject)
    sent.end()
  })
}

interface OpenStream {
  text(): string
  close(): void
}

function openStream(address: string): OpenStream {
  const abort = new AbortController()
  let text = ''
  const read = async (): Promise<void> => {
    const response = await fetch(`http://${address}/events/stream`, { signal: abort.signal })
    if (response.status !== 200 || response.body === null) return
    for await (const part of response.body.pipeThrough(new TextDecoderStream())) text += part
  }
  void read().catch(() => undefined)
  return { text: () => text, close: () => abort.abort() }
}

/** The complete messages. */
function messagesOf(stream: string): FeedMessage[] {
  return stream
    .split('\n\n')
    .slice(0, -1)
    .filter((block) => block.startsWith('data: '))
    .map((block) => JSON.parse(block.slice(6)) as FeedMessage)
}
