/** The peer codec round-trips every valid message and refuses every other input with ERR_RAFT_BAD_MESSAGE. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { PeerMessage } from '../../../src/contracts/transport.ts'
import type { AppendEntriesResponse } from '../../../src/core/messages.ts'
import { validateMessage } from '../../../src/core/rules/validate-message.ts'
import { isRaftError } from '../../../src/errors.ts'
import {
  decodeChunk,
  decodeFetchRequest,
  decodeFrame,
  encodeChunk,
  encodeFetchRequest,
  encodeFrame,
} from '../../../src/grpc/peer/codec.ts'
import { peerProto } from '../../../src/grpc/peer/peer-proto.ts'
import { encodeCommands } from '../../../src/log-format/block.ts'
import type { Frame } from '../../../src/peer-link/frames.ts'
import { SAMPLE_MESSAGES } from '../../../src/testing/contracts/transport/sample-messages.ts'
import { SAMPLE_HELLO } from '../../peer-link/sample-hello.ts'

const hello = SAMPLE_HELLO

describe('the peer codec', () => {
  for (const message of SAMPLE_MESSAGES)
    it(`keeps every field of ${JSON.stringify({ ...message, blocks: undefined }).slice(0, 80)}`, () => {
      assert.deepEqual(roundTrip(message), message)
    })

  it('keeps every field of hellos, refusals, fetch requests and snapshot chunks', () => {
    const frames: Frame[] = [
      { type: 'hello', hello },
      { type: 'hello', hello: { ...hello, clusterId: '', directoryId: '', address: '' } },
      { type: 'refusal', refusal: { code: 'ERR_RAFT_CLUSTER_MISMATCH', message: 'this is “blue”' } },
    ]
    for (const frame of frames) assert.deepEqual(decodeFrame(encodeFrame(frame)), frame)
    const request = { hello, id: 's-1', offset: 2 ** 40 }
    assert.deepEqual(decodeFetchRequest(encodeFetchRequest(request)), request)
    const chunk = { type: 'data', offset: 2 ** 40, data: Buffer.from('abc') } as const
    assert.deepEqual(decodeChunk(encodeChunk(chunk)), chunk)
  })

  it('keeps arbitrary numbers and commands', () =>
    fc.assert(
      fc.property(appends(), (message) => {
        assert.deepEqual(roundTrip(message), message)
      }),
    ))

  it('sends no membership in what a follower reports of its snapshot', () => {
    const [message] = SAMPLE_MESSAGES.filter((sample) => sample.type === 'AppendEntriesResponse' && sample.snapshot)
    const { snapshot } = message as AppendEntriesResponse
    const stored = { ...message, snapshot: { ...snapshot, membership: { voters: ['a'] } } } as unknown as PeerMessage
    const encoded = (sent: PeerMessage): Buffer => encodeFrame({ type: 'messages', messages: [sent] })
    assert.deepEqual(encoded(stored), encoded(message as PeerMessage))
  })

  it('decodes blocks without copying the bytes of the frame', () => {
    const bytes = encodeFrame({ type: 'messages', messages: [appendEntries()] })
    const frame = decodeFrame(bytes)
    assert.ok(frame.type === 'messages' && frame.messages[0]?.type === 'AppendEntriesRequest')
    assert.equal(frame.messages[0].blocks[0]?.bytes.buffer, bytes.buffer)
  })

  const vote = { term: 2, lastIndex: 5, lastTerm: 1, isTransfer: false }
  const block = encodeCommands(5, 2, [new Uint8Array([1, 2, 3])])
  const flipped = Buffer.from(block.bytes)
  flipped.writeUInt8(flipped.readUInt8(38) ^ 1, 38)
  const snapshot = {
    id: 's1',
    index: 4,
    term: 1,
    size: 3,
    membership: { members: [{ id: 'a', address: '', directoryId: '', addedAt: 0, promote: false }], voters: ['a'] },
  }
  for (const { what, wire, expected } of [
    {
      what: 'a number above 2^53',
      wire: { requestVoteRequest: { ...vote, lastIndex: 2 ** 53 } },
      expected: /lastIndex/,
    },
    {
      what: 'the largest number that the wire format can express',
      wire: { readIndexRequest: { read: 2 ** 64 - 2048 } },
      expected: /read is/,
    },
    { what: 'a vote request of term 0', wire: { requestVoteRequest: { ...vote, term: 0 } }, expected: /term is 0/ },
    {
      what: 'a last entry without a term',
      wire: { preVoteRequest: { ...vote, lastTerm: 0 } },
      expected: /lastTerm is 0/,
    },
    { what: 'a message without a type', wire: {}, expected: /unknown type/ },
    { what: 'a missing outcome', wire: { installSnapshotResponse: { term: 1 } }, expected: /outcome/ },
    { what: 'a block of random bytes', wire: entries(Buffer.alloc(50, 7)), expected: /bad block/ },
    { what: 'a block with a flipped bit', wire: entries(flipped), expected: /checksum/ },
    { what: 'a truncated block', wire: entries(block.bytes.subarray(0, -1)), expected: /checksum/ },
    { what: 'a missing snapshot', wire: { installSnapshotRequest: { term: 1 } }, expected: /snapshot is missing/ },
    {
      what: 'a snapshot id that is a path out of the directory',
      wire: { installSnapshotRequest: { term: 1, snapshot: { ...snapshot, id: '../etc/passwd' } } },
      expected: /id is invalid: '..\/etc/,
    },
    {
      what: 'a membership with a voter that is not a member',
      wire: { installSnapshotRequest: { term: 1, snapshot: { ...snapshot, chain: 1, membership: { voters: ['x'] } } } },
      expected: /bad membership: .*not a member/,
    },
  ])
    it(`refuses ${what}`, () => {
      const bytes = peerProto().frame.encode({ messages: [wire] })
      assert.throws(() => decodeFrame(bytes), { code: 'ERR_RAFT_BAD_MESSAGE', message: expected })
    })

  for (const { what, wire } of [
    { what: 'a block after a gap', wire: entries(encodeCommands(6, 2, [new Uint8Array(1)]).bytes) },
    { what: 'the same block twice', wire: entries(block.bytes, block.bytes) },
    { what: 'a block of a later term than the leader', wire: entries(encodeCommands(5, 4, [new Uint8Array(1)]).bytes) },
    {
      what: 'blocks with decreasing terms',
      wire: entries(encodeCommands(5, 3, [new Uint8Array(1)]).bytes, encodeCommands(6, 2, [new Uint8Array(1)]).bytes),
    },
  ])
    it(`decodes ${what}, and leaves it to the core to reject the message`, () => {
      const frame = decodeFrame(peerProto().frame.encode({ messages: [wire] }))
      assert.ok(frame.type === 'messages' && frame.messages[0] !== undefined)
      assert.notEqual(validateMessage(frame.messages[0]), undefined)
    })

  it('refuses an AppendEntries without a hash chain, and a snapshot without one, and names the field', () => {
    const { prevChain: _, ...request } = entries().appendEntriesRequest
    const snapshot = { id: 's', index: 4, term: 1, size: 9, membership: { members: [], voters: [] } }
    for (const [wire, field] of [
      [{ appendEntriesRequest: request }, 'prevChain'],
      [{ installSnapshotRequest: { term: 3, session: 0, snapshot } }, 'chain'],
    ] as const) {
      const bytes = peerProto().frame.encode({ messages: [wire] })
      assert.throws(() => decodeFrame(bytes), {
        code: 'ERR_RAFT_BAD_MESSAGE',
        message: `malformed message: ${field} is missing`,
      })
    }
  })

  for (const { what, frame, expected } of [
    { what: 'an empty frame', frame: {}, expected: /not 0 of them/ },
    {
      what: 'a frame with both a hello and a refusal',
      frame: { hello, refusal: { code: 'X' } },
      expected: /not 2 of them/,
    },
    { what: 'a node id with a line break', frame: { hello: { ...hello, nodeId: 'n1\nroot' } }, expected: /'n1\?root'/ },
    { what: 'a hello without a receiver', frame: { hello: { ...hello, receiverId: '' } }, expected: /receiverId/ },
    { what: 'a refusal without a code', frame: { refusal: { message: 'no' } }, expected: /code/ },
  ])
    it(`refuses ${what}`, () => {
      const bytes = peerProto().frame.encode(frame)
      assert.throws(() => decodeFrame(bytes), { code: 'ERR_RAFT_BAD_MESSAGE', message: expected })
    })

  it('truncates the message of a refusal and replaces its control characters', () => {
    const bytes = peerProto().frame.encode({ refusal: { code: 'X', message: `\u001b[31mred\n${'x'.repeat(5000)}` } })
    const frame = decodeFrame(bytes)
    assert.ok(frame.type === 'refusal')
    assert.match(frame.refusal.message, /^\?\[31mred\?x+$/)
    assert.equal(frame.refusal.message.length, 1000)
  })

  it('refuses a frame with very many empty fields before it allocates objects for them', () => {
    const hostile = [
      Buffer.alloc(2 * 1024 * 1024, Buffer.from([0x1a, 0])), // messages
      wrapped([3, 5], Buffer.alloc(2 * 1024 * 1024, Buffer.from([0x3a, 0]))), // blocks
      wrapped([3, 7, 2, 4], Buffer.alloc(2 * 1024 * 1024, Buffer.from([0x12, 0]))), // voters
    ]
    for (const bytes of hostile)
      assert.throws(() => decodeFrame(bytes), { code: 'ERR_RAFT_BAD_MESSAGE', message: /too many fields/ })
  })

  it('accepts a frame with the most small blocks and messages that a sender can pack', () => {
    const blocks = Array.from({ length: 20_000 }, (_, offset) => encodeCommands(5 + offset, 2, [new Uint8Array(0)]))
    const messages = [
      { ...appendEntries(), blocks },
      ...Array.from({ length: 1023 }, (_, read) => readIndexRequest(read)),
    ]
    const frame = decodeFrame(encodeFrame({ type: 'messages', messages }))
    assert.ok(frame.type === 'messages' && frame.messages.length === 1024)
  })

  it('returns a message or throws ERR_RAFT_BAD_MESSAGE for every truncation and every flipped bit of a frame', () => {
    const whole = encodeFrame({ type: 'messages', messages: SAMPLE_MESSAGES })
    for (let length = 0; length < whole.length; length++) decodeOrRefuse(whole.subarray(0, length))
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole)
      damaged.writeUInt8(damaged.readUInt8(at) ^ (1 << (at % 8)), at)
      decodeOrRefuse(damaged)
    }
  })

  it('returns a message or throws ERR_RAFT_BAD_MESSAGE for arbitrary bytes', () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => decodeOrRefuse(Buffer.from(bytes))),
      { numRuns: 2000 },
    ))
})

function roundTrip(message: PeerMessage): PeerMessage | undefined {
  const frame = decodeFrame(encodeFrame({ type: 'messages', messages: [message] }))
  assert.ok(frame.type === 'messages')
  return frame.messages[0]
}

function decodeOrRefuse(bytes: Buffer): void {
  try {
    decodeFrame(bytes)
  } catch (error) {
    assert.ok(isRaftError(error, 'ERR_RAFT_BAD_MESSAGE'), String(error))
  }
}

function entries(...blocks: Uint8Array[]) {
  return { appendEntriesRequest: { term: 3, prevIndex: 4, prevTerm: 1, prevChain: 8, blocks } }
}

function appendEntries(): Extract<PeerMessage, { type: 'AppendEntriesRequest' }> {
  const head = { term: 3, prevIndex: 4, prevTerm: 1, prevChain: 8, commitIndex: 0, round: 0, session: 0 }
  return { type: 'AppendEntriesRequest', ...head, blocks: [encodeCommands(5, 2, [new Uint8Array(100)])] }
}

function readIndexRequest(read: number): PeerMessage {
  return { type: 'ReadIndexRequest', term: 1, read }
}

/** Wraps bytes in nested length-delimited fields with these numbers. */
function wrapped(fields: readonly number[], inner: Buffer): Buffer {
  return fields.reduceRight(
    (bytes, field) => Buffer.concat([Buffer.from([field * 8 + 2]), varint(bytes.length), bytes]),
    inner,
  )
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) + 128)
  return Buffer.from([...bytes, value])
}

function appends(): fc.Arbitrary<PeerMessage> {
  const number = fc.maxSafeNat()
  const commands = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 5 })
  return fc
    .record({
      prevIndex: fc.integer({ min: 1, max: 2 ** 40 }),
      prevTerm: fc.integer({ min: 1, max: 2 ** 40 }),
      prevChain: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      commitIndex: number,
      round: number,
      session: number,
      batches: fc.array(commands, { maxLength: 4 }),
    })
    .map(({ batches, ...head }) => {
      let first = head.prevIndex + 1
      const blocks = batches.map((batch) => {
        const block = encodeCommands(first, head.prevTerm, batch)
        first += block.count
        return block
      })
      return { type: 'AppendEntriesRequest', term: head.prevTerm, ...head, blocks }
    })
}
