/** The codec and the validator of messages that transports of one's own use: what they keep, and what they reject. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { PeerMessage } from '../../src/contracts/transport.ts'
import { isRaftError } from '../../src/errors.ts'
import { encodeCommands } from '../../src/log-format/block.ts'
import { decodePeerMessage, encodePeerMessage, validatePeerMessage } from '../../src/tcp/index.ts'
import { SAMPLE_MESSAGES } from '../../src/testing/contracts/transport/sample-messages.ts'

const MESSAGE: PeerMessage = {
  ...{ type: 'AppendEntriesRequest', term: 2, prevIndex: 4, prevTerm: 1, prevChain: 8, commitIndex: 3, round: 1 },
  session: 0,
  blocks: [encodeCommands(5, 2, [new Uint8Array(1000)])],
}

const isBadMessage = (error: unknown): boolean => isRaftError(error, 'ERR_RAFT_BAD_MESSAGE')

describe('a message between nodes', () => {
  it('is the same after it was encoded and decoded, and after it was validated', () => {
    for (const message of SAMPLE_MESSAGES) {
      assert.deepEqual(decodePeerMessage(Uint8Array.from(encodePeerMessage(message))), message)
      assert.deepEqual(validatePeerMessage(structuredClone(message)), message)
    }
  })

  it('is decoded from exactly its bytes', () => {
    const bytes = encodePeerMessage(MESSAGE)
    for (const wrong of [bytes.subarray(1), bytes.subarray(0, -1), Buffer.concat([bytes, bytes]), new Uint8Array(0)])
      assert.throws(() => decodePeerMessage(wrong), isBadMessage)
  })

  it('is rejected before it is decoded if it is larger than the limit', () => {
    assert.throws(
      () => decodePeerMessage(new Uint8Array(64 * 1024 + 101), { bytesMax: 100 }),
      /at most 65636 are accepted/,
    )
  })

  it('is a message or rejected, whatever the bytes are', () => {
    const bytes = encodePeerMessage(MESSAGE)
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = Uint8Array.from(bytes)
        changed[at] = (changed[at] as number) ^ change
        decodedOrRejected(() => decodePeerMessage(changed))
      }),
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (random) => decodedOrRejected(() => decodePeerMessage(random))),
    )
  })

  it('is valid or rejected, whatever the value is', () => {
    fc.assert(fc.property(fc.anything(), (value) => decodedOrRejected(() => validatePeerMessage(value))))
    for (const message of SAMPLE_MESSAGES)
      fc.assert(
        fc.property(fc.constantFrom(...Object.keys(message)), fc.anything(), (field, value) => {
          decodedOrRejected(() => validatePeerMessage({ ...message, [field]: value }))
        }),
        { numRuns: 30 },
      )
  })

  for (const { what, change } of [
    { what: 'an unknown type', change: { type: 'toString' } },
    { what: 'a term that is text', change: { term: '2' } },
    { what: 'a term of 0', change: { term: 0 } },
    { what: 'a round that is no safe integer', change: { round: 2 ** 53 } },
    { what: 'no blocks', change: { blocks: undefined } },
    { what: 'a block that is missing', change: { blocks: [null] } },
    { what: 'a block of text', change: { blocks: [{ bytes: 'text' }] } },
    { what: 'a block with a changed bit', change: { blocks: [{ bytes: flipped(MESSAGE.blocks[0]?.bytes) }] } },
  ])
    it(`is rejected with ${what}`, () => {
      assert.throws(() => validatePeerMessage({ ...MESSAGE, ...change }), isBadMessage)
    })

  it('keeps what a block says of itself, and no other fields', () => {
    const blocks = MESSAGE.blocks.map((block) => ({ ...block, first: 99 }))
    assert.deepEqual(validatePeerMessage({ ...MESSAGE, blocks, more: 1 }), MESSAGE)
  })
})

function decodedOrRejected(decode: () => PeerMessage): void {
  try {
    assert.equal(typeof decode().type, 'string')
  } catch (error) {
    if (!isBadMessage(error)) throw error
  }
}

function flipped(bytes: Uint8Array = new Uint8Array(1)): Uint8Array {
  const changed = Uint8Array.from(bytes)
  changed[bytes.length >> 1] = (changed[bytes.length >> 1] as number) ^ 1
  return changed
}
