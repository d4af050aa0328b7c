/** Tests of the proxies between real nodes: each fault affects only the given direction between the given nodes. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { eventually } from '../../chaos/cluster/eventually.ts'
import { Links } from '../../chaos/cluster/links.ts'

/** Long enough for bytes to pass the loopback interface. */
const LOOPBACK_DELAY_MS = 30

interface Endpoint {
  readonly socket: Socket
  /** Everything it has received. */
  text: string
  isClosed: boolean
}

describe('a link between real nodes', () => {
  let links: Links
  const close: (() => unknown)[] = []
  beforeEach(async () => {
    links = new Links()
    close.push(() => links.close())
  })
  afterEach(() => {
    for (const each of close.splice(0)) each()
  })

  it('passes bytes in both directions', async () => {
    const [a, b] = await pair('a', 'b')
    await assertDelivered(a, b)
    await assertDelivered(b, a)
  })

  it('drops bytes in one direction only, and breaks the connection when it is healed', async () => {
    const [a, b] = await pair('a', 'b')
    links.set('a', 'b', { type: 'drop' })
    await assertNotDelivered(a, b)
    await assertDelivered(b, a)
    assert.deepEqual([a.isClosed, b.isClosed], [false, false])
    links.heal()
    await eventually('end', async () => (a.isClosed && b.isClosed ? true : undefined))
    assert.equal(b.text.includes('lost'), false)
  })

  it('holds bytes in one direction and delivers all of them later', async () => {
    const [a, b] = await pair('a', 'b')
    links.set('a', 'b', { type: 'hold' })
    await assertNotDelivered(a, b)
    links.heal()
    await eventually('late words', async () => (b.text.endsWith('lost words') ? true : undefined))
    await assertDelivered(a, b)
    assert.deepEqual([a.isClosed, b.isClosed], [false, false])
  })

  it('delays bytes in one direction and keeps their order', async () => {
    const [a, b] = await pair('a', 'b')
    links.set('a', 'b', { type: 'slow', delayMs: 60, bytesPerSecond: 1_000_000 })
    const startedAt = performance.now()
    for (const word of ['one ', 'two ', 'three']) a.socket.write(word)
    await eventually('slow words', async () => (b.text.endsWith('one two three') ? true : undefined))
    assert.ok(performance.now() - startedAt >= 60)
  })

  for (const condition of [{ type: 'slow', delayMs: 60, bytesPerSecond: 1_000_000 }, { type: 'hold' }] as const)
    it(`delivers what was sent before a close over a link with the condition '${condition.type}'`, async () => {
      const [a, b] = await pair('a', 'b')
      links.set('a', 'b', condition)
      a.socket.end('last words')
      await once(a.socket, 'close')
      if (condition.type === 'hold') links.heal()
      await eventually('end', async () => (b.isClosed ? true : undefined))
      assert.ok(b.text.endsWith('last words'), b.text)
    })

  it('limits the bytes per second of a slow link', async () => {
    const [a, b] = await pair('a', 'b')
    links.set('a', 'b', { type: 'slow', delayMs: 0, bytesPerSecond: 1_000_000 })
    const startedAt = performance.now()
    const before = b.text.length
    a.socket.write('.'.repeat(100_000))
    await eventually('all bytes', async () => (b.text.length === before + 100_000 ? true : undefined))
    assert.ok(performance.now() - startedAt >= 80)
  })

  it('does not pass on a closed connection while it is cut', async () => {
    const [a, b] = await pair('a', 'b')
    links.cut('a', 'b')
    a.socket.destroy()
    await waitForLoopback()
    assert.equal(b.isClosed, false)
    links.heal()
    await eventually('end', async () => (b.isClosed ? true : undefined))
  })

  it('resets connections between nodes but not those of clients', async () => {
    const [a, b] = await pair('a', 'b')
    const [client, same] = await pair(undefined, 'b')
    links.cut('a', 'b')
    await assertDelivered(client, same)
    links.heal()
    links.reset()
    await eventually('end', async () => (a.isClosed && b.isClosed ? true : undefined))
    await assertDelivered(client, same)
  })

  /** The two ends of a connection from `caller` to `target`. A client sends no handshake, so its `caller` is undefined. */
  async function pair(caller: string | undefined, target: string): Promise<[Endpoint, Endpoint]> {
    const server = createServer()
    close.push(() => server.close())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    for (const id of ['a', 'b']) await links.add(id, (server.address() as AddressInfo).port)
    const port = Number(links.addresses[target]?.split(':')[1])
    const socket = connect(port, '127.0.0.1')
    const [accepted] = (await once(server, 'connection')) as [Socket]
    const ends = [endOf(socket), endOf(accepted)] as const
    socket.write(caller === undefined ? 'hello' : `hello from ${links.addresses[caller]}`)
    await eventually('greeting', async () => (ends[1].text.startsWith('hello') ? true : undefined))
    return [...ends]
  }

  function endOf(socket: Socket): Endpoint {
    const end: Endpoint = { socket, text: '', isClosed: false }
    socket.setEncoding('utf8').on('data', (text: string) => {
      end.text += text
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      end.isClosed = true
    })
    close.push(() => socket.destroy())
    return end
  }
})

async function assertDelivered(from: Endpoint, to: Endpoint): Promise<void> {
  const before = to.text
  from.socket.write('word')
  await eventually('word', async () => (to.text === `${before}word` ? true : undefined))
}

async function assertNotDelivered(from: Endpoint, to: Endpoint): Promise<void> {
  const before = to.text
  from.socket.write('lost words')
  await waitForLoopback()
  assert.equal(to.text, before)
}

function waitForLoopback(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, LOOPBACK_DELAY_MS))
}
