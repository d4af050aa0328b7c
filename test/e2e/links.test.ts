/** The proxies between real nodes do what they are told: to the one direction, between the one pair, and to nobody else. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { eventually } from '../../chaos/cluster/eventually.ts'
import { Links } from '../../chaos/cluster/links.ts'

/** Long enough for bytes to pass loopback, if they may. */
const LOOPBACK_DELAY_MS = 30

interface Endpoint {
  readonly socket: Socket
  /** All it was sent. */
  text: string
  isClosed: boolean
}

describe('the links between real nodes', () => {
  let links: Links
  const close: (() => unknown)[] = []
  beforeEach(async () => {
    links = new Links()
    close.push(() => links.close())
  })
  afterEach(() => {
    for (const each of close.splice(0)) each()
  })

  it('pass bytes both ways', async () => {
    const [a, b] = await pair('a', 'b')
    await assertDelivered(a, b)
    await assertDelivered(b, a)
  })

  it('lose what goes one way, let the other pass, and break the connection once they are healed', async () => {
    const [a, b] = await pair('a', 'b')
    links.set('a', 'b', { type: 'drop' })
    await assertNotDelivered(a, b)
    await assertDelivered(b, a)
    assert.deepEqual([a.isClosed, b.isClosed], [false, false])
    links.heal()
    await eventually('end', async () => (a.isClosed && b.isClosed ? true : undefined))
    assert.equal(b.text.includes('lost'), false)
  })

  it('hold what goes one way, and deliver it late and whole', async () => {
    const [a, b] = await pair('a', 'b')
    links.set('a', 'b', { type: 'hold' })
    await assertNotDelivered(a, b)
    links.heal()
    await eventually('late words', async () => (b.text.endsWith('lost words') ? true : undefined))
    await assertDelivered(a, b)
    assert.deepEqual([a.isClosed, b.isClosed], [false, false])
  })

  it('delay what goes one way, in order', async () => {
    const [a, b] = await pair('a', 'b')
    links.set('a', 'b', { type: 'slow', delayMs: 60, bytesPerSecond: 1_000_000 })
    const began = performance.now()
    for (const word of ['one ', 'two ', 'three']) a.socket.write(word)
    await eventually('slow words', async () => (b.text.endsWith('one two three') ? true : undefined))
    assert.ok(performance.now() - began >= 60)
  })

  it('let no more through than a slow link may', async () => {
    const [a, b] = await pair('a', 'b')
    links.set('a', 'b', { type: 'slow', delayMs: 0, bytesPerSecond: 1_000_000 })
    const began = performance.now()
    const before = b.text.length
    a.socket.write('.'.repeat(100_000))
    await eventually('all bytes', async () => (b.text.length === before + 100_000 ? true : undefined))
    assert.ok(performance.now() - began >= 80)
  })

  it('do not tell the other end that a process is gone while they are cut', async () => {
    const [a, b] = await pair('a', 'b')
    links.cut('a', 'b')
    a.socket.destroy()
    await waitForLoopback()
    assert.equal(b.isClosed, false)
    links.heal()
    await eventually('end', async () => (b.isClosed ? true : undefined))
  })

  it('break connections between nodes, and leave those of clients alone', async () => {
    const [a, b] = await pair('a', 'b')
    const [client, same] = await pair(undefined, 'b')
    links.cut('a', 'b')
    await assertDelivered(client, same)
    links.heal()
    links.reset()
    await eventually('end', async () => (a.isClosed && b.isClosed ? true : undefined))
    await assertDelivered(client, same)
  })

  /** The two ends of a connection that `caller` makes to `target`; a client does not say who it is. */
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
