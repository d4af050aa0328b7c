/** The largest message that a transport sends, and one that is larger. */
import assert from 'node:assert/strict'
import type { PeerMessage } from '../../../contracts/transport.ts'
import { messageBytes } from '../../../contracts/transport.ts'
import { payloadsOf } from '../../../log-format/block.ts'
import { requireMessageBytesMax } from './capabilities.ts'
import type { TransportTest } from './test-network.ts'
import { appendEntriesRequest, readIndexRequest } from './test-network.ts'

export function largestMessage(on: TransportTest): void {
  on('passes whole', async (net) => {
    const largest = messageOf(requireMessageBytesMax(net.fixture))
    const [a, b] = await net.connectedPair()
    assert.equal(a.transport.send('b', largest), true, 'send() does not take it')
    await b.host.until('the message', () => b.host.received.length === 1)
    assert.ok(payloadOf(b.host.received[0]).equals(payloadOf(largest)), 'other bytes came than were sent')
  })

  on('is the largest: what is larger is not taken, and hurts neither the link nor what follows', async (net) => {
    const larger = messageOf(requireMessageBytesMax(net.fixture) + 1)
    const [a, b] = await net.connectedPair()
    assert.equal(a.transport.send('b', larger), false, 'send() says that it took more')
    assert.equal(a.transport.send('b', readIndexRequest(1)), true)
    await b.host.until('what follows', () => b.host.received.length === 1)
    assert.deepEqual(b.host.received, [readIndexRequest(1)])
    for (const { host } of [a, b]) assert.deepEqual(host.callsOfType('peerLost'), [], 'the link was lost')
  })
}

/** A message that counts for so many bytes. */
function messageOf(bytes: number): PeerMessage {
  let payload = bytes
  for (
    let message = appendEntriesRequest(new Uint8Array(payload));
    ;
    message = appendEntriesRequest(new Uint8Array(payload).fill(7))
  ) {
    const difference = messageBytes(message) - bytes
    if (difference === 0) return message
    payload -= difference
  }
}

function payloadOf(message: PeerMessage | undefined): Buffer {
  assert.ok(message?.type === 'AppendEntriesRequest' && message.blocks[0] !== undefined)
  return Buffer.from(payloadsOf(message.blocks[0])[0] as Uint8Array)
}
