/** What becomes of messages: which arrive, in what order, and which are dropped. */
import assert from 'node:assert/strict'
import { messageBytes } from '../../../contracts/transport.ts'
import { payloadsOf } from '../../../log-format/block.ts'
import { SAMPLE_MESSAGES } from './sample-messages.ts'
import type { TransportTest } from './test-network.ts'
import { appendEntriesRequest, comparable, readIndexRequest, sendUntilFull, turn } from './test-network.ts'

export function messages(on: TransportTest): void {
  on('delivers each kind of message as it was sent', async (net) => {
    const [a, b] = await net.connectedPair()
    for (const message of SAMPLE_MESSAGES) assert.equal(a.transport.send('b', message), true)
    await b.host.until('every message', () => b.host.received.length === SAMPLE_MESSAGES.length)
    assert.deepEqual(b.host.received.map(comparable), SAMPLE_MESSAGES.map(comparable))
  })

  on('keeps the order of each direction', async (net) => {
    const [a, b] = await net.connectedPair()
    for (let read = 0; read < 3000; read++) {
      a.transport.send('b', readIndexRequest(read))
      b.transport.send('a', readIndexRequest(read))
      if (read % 500 === 0) await turn()
    }
    const expected = Array.from({ length: 3000 }, (_, read) => readIndexRequest(read))
    for (const { host } of [a, b]) {
      await host.until('3000 messages', () => host.received.length === 3000)
      assert.deepEqual(host.received, expected)
    }
  })

  on('carries a message of megabytes unharmed', async (net) => {
    const [a, b] = await net.connectedPair()
    const command = new Uint8Array(4 * 1024 * 1024).map((_, offset) => (offset * 7 + (offset >> 8)) & 255)
    assert.equal(a.transport.send('b', appendEntriesRequest(command)), true)
    await b.host.until('the message', () => b.host.received.length === 1)
    const [large] = b.host.received
    assert.ok(large?.type === 'AppendEntriesRequest' && large.blocks[0] !== undefined)
    assert.ok(
      Buffer.from(command).equals(payloadsOf(large.blocks[0])[0] as Uint8Array),
      'other bytes came than were sent',
    )
  })

  on('delivers nothing inside send', async (net) => {
    const [a, b] = await net.connectedPair()
    const before = [a.host.calls.length, b.host.calls.length]
    for (let read = 0; read < 100; read++) a.transport.send('b', readIndexRequest(read))
    assert.deepEqual([a.host.calls.length, b.host.calls.length], before)
    await b.host.until('the messages', () => b.host.received.length === 100)
  })

  on('takes no more than its window of bytes, drops the rest and says so, then takes again', async (net) => {
    const [a, b] = await net.connectedPair()
    const message = appendEntriesRequest(new Uint8Array(net.fixture.windowBytes / 8))
    const taken = sendUntilFull(a.transport, message, 8)
    assert.ok(taken >= 7 && taken <= 8, `of messages of an eighth of the window, ${taken} were taken, not 7 or 8`)
    await b.host.until('what was taken', () => b.host.received.length === taken)
    await net.eventually('room in the window', () => a.transport.send('b', message))
    await b.host.until('one more', () => b.host.received.length === taken + 1)
  })

  on('takes one message that is larger than its window, alone', async (net) => {
    const [a, b] = await net.connectedPair()
    const message = appendEntriesRequest(new Uint8Array(net.fixture.windowBytes + 1))
    assert.equal(a.transport.send('b', message), true)
    assert.equal(a.transport.send('b', readIndexRequest(1)), false)
    await b.host.until('the large message', () => b.host.received.length === 1)
  })

  on('bounds small messages too', async (net) => {
    const [a, b] = await net.connectedPair()
    const most = net.fixture.windowBytes / messageBytes(readIndexRequest(1))
    const taken = sendUntilFull(a.transport, readIndexRequest(1), most)
    assert.ok(taken <= most, `${taken} messages or more were taken, and ${Math.floor(most)} fill the window`)
    await b.host.until('what was taken', () => b.host.received.length === taken)
  })

  on('drops what is for a stranger', async (net) => {
    const [a] = await net.connectedPair()
    assert.equal(
      a.transport.send('nobody', readIndexRequest(1)),
      false,
      'send() says that it took a message for nobody',
    )
  })
}
