/** Checks of messages: delivery, order, and the window. */
import assert from 'node:assert/strict'
import { messageBytes } from '../../../contracts/transport.ts'
import { payloadsOf } from '../../../log-format/block.ts'
import { SAMPLE_MESSAGES } from './sample-messages.ts'
import type { TransportTest } from './test-network.ts'
import { appendEntriesRequest, comparable, readIndexRequest, sendUntilFull, turn } from './test-network.ts'

export function messages(on: TransportTest): void {
  on('of every type arrive as they were sent', async (network) => {
    const [a, b] = await network.connectedPair()
    for (const message of SAMPLE_MESSAGES) assert.equal(a.transport.send('b', message), true)
    await b.host.until('every message', () => b.host.received.length === SAMPLE_MESSAGES.length)
    assert.deepEqual(b.host.received.map(comparable), SAMPLE_MESSAGES.map(comparable))
  })

  on('arrive in order in each direction', async (network) => {
    const [a, b] = await network.connectedPair()
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

  on('of several megabytes arrive intact', async (network) => {
    const [a, b] = await network.connectedPair()
    const command = new Uint8Array(4 * 1024 * 1024).map((_, offset) => (offset * 7 + (offset >> 8)) & 255)
    assert.equal(a.transport.send('b', appendEntriesRequest(command)), true)
    await b.host.until('the message', () => b.host.received.length === 1)
    const [large] = b.host.received
    assert.ok(large?.type === 'AppendEntriesRequest' && large.blocks[0] !== undefined)
    assert.ok(
      Buffer.from(command).equals(payloadsOf(large.blocks[0])[0] as Uint8Array),
      'the delivered bytes differ from those sent',
    )
  })

  on('are not delivered inside send()', async (network) => {
    const [a, b] = await network.connectedPair()
    const before = [a.host.calls.length, b.host.calls.length]
    for (let read = 0; read < 100; read++) a.transport.send('b', readIndexRequest(read))
    assert.deepEqual([a.host.calls.length, b.host.calls.length], before)
    await b.host.until('the messages', () => b.host.received.length === 100)
  })

  on('beyond the window are dropped until it has space again, and send() returns false', async (network) => {
    const [a, b] = await network.connectedPair()
    const message = appendEntriesRequest(new Uint8Array(network.fixture.windowBytes / 8))
    const accepted = sendUntilFull(a.transport, message, 8)
    assert.ok(
      accepted >= 7 && accepted <= 8,
      `${accepted} messages of an eighth of the window were accepted, not 7 or 8`,
    )
    await b.host.until('the accepted messages', () => b.host.received.length === accepted)
    await network.eventually('space in the window', () => a.transport.send('b', message))
    await b.host.until('one more', () => b.host.received.length === accepted + 1)
  })

  on('larger than the window are accepted if nothing else is queued', async (network) => {
    const [a, b] = await network.connectedPair()
    const message = appendEntriesRequest(new Uint8Array(network.fixture.windowBytes + 1))
    assert.equal(a.transport.send('b', message), true)
    assert.equal(a.transport.send('b', readIndexRequest(1)), false)
    await b.host.until('the large message', () => b.host.received.length === 1)
  })

  on('are limited by the window even if they are small', async (network) => {
    const [a, b] = await network.connectedPair()
    const most = network.fixture.windowBytes / messageBytes(readIndexRequest(1))
    const accepted = sendUntilFull(a.transport, readIndexRequest(1), most)
    assert.ok(accepted <= most, `${accepted} or more messages were accepted, but ${Math.floor(most)} fill the window`)
    await b.host.until('the accepted messages', () => b.host.received.length === accepted)
  })

  on('to an unknown node are dropped', async (network) => {
    const [a] = await network.connectedPair()
    assert.equal(
      a.transport.send('unknown', readIndexRequest(1)),
      false,
      'send() accepted a message to an unknown node',
    )
  })
}
