/** Checks of the largest message that a transport sends, and of a larger one. */
import assert from 'node:assert/strict'
import type { PeerMessage } from '../../../contracts/transport.ts'
import { messageBytes } from '../../../contracts/transport.ts'
import { payloadsOf } from '../../../log-format/block.ts'
import { requireMessageBytesMax } from './capabilities.ts'
import type { TransportTest } from './test-network.ts'
import { appendEntriesRequest, readIndexRequest } from './test-network.ts'

export function largestMessage(on: TransportTest): void {
  on('arrives intact', async (network) => {
    const largest = messageOf(requireMessageBytesMax(network.fixture))
    const [a, b] = await network.connectedPair()
    assert.equal(a.transport.send('b', largest), true, 'send() rejected it')
    await b.host.until('the message', () => b.host.received.length === 1)
    assert.ok(payloadOf(b.host.received[0]).equals(payloadOf(largest)), 'the delivered bytes differ from those sent')
  })

  on('is the limit: a larger one is rejected and affects neither the link nor later messages', async (network) => {
    const larger = messageOf(requireMessageBytesMax(network.fixture) + 1)
    const [a, b] = await network.connectedPair()
    assert.equal(a.transport.send('b', larger), false, 'send() accepted a larger message')
    assert.equal(a.transport.send('b', readIndexRequest(1)), true)
    await b.host.until('the next message', () => b.host.received.length === 1)
    assert.deepEqual(b.host.received, [readIndexRequest(1)])
    for (const { host } of [a, b]) assert.deepEqual(host.callsOfType('peerLost'), [], 'the link was lost')
  })
}

/** A message whose size is this many bytes, as `messageBytes` counts them. */
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
