/** The frames of the TCP peer protocol: what they keep, what they copy, and what they refuse. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { PeerMessage } from '../../src/contracts/transport.ts'
import type { AppendEntriesResponse } from '../../src/core/messages.ts'
import { isRaftError } from '../../src/errors.ts'
import { encodeCommands } from '../../src/log-format/block.ts'
import {
  decodeFetch,
  decodeHello,
  decodeRefusal,
  encodeFetch,
  encodeHello,
  encodeRefusal,
} from '../../src/tcp/control-frames.ts'
import { FRAME, HEADER_BYTES } from '../../src/tcp/frame-format.ts'
import type { FrameCursor } from '../../src/tcp/frame-reader.ts'
import { FrameReader } from '../../src/tcp/frame-reader.ts'
import { FrameWriter } from '../../src/tcp/frame-writer.ts'
import { decodeMessage, encodeMessages } from '../../src/tcp/message-codec.ts'
import { SAMPLE_MESSAGES } from '../../src/testing/contracts/transport/sample-messages.ts'
import { SAMPLE_HELLO } from '../peer-link/sample-hello.ts'

const hello = SAMPLE_HELLO

describe('a frame of the TCP peer protocol', () => {
  for (const message of SAMPLE_MESSAGES)
    it(`keeps every field of ${JSON.stringify({ ...message, blocks: undefined }).slice(0, 80)}`, () => {
      assert.deepEqual(received([Buffer.concat(encodeMessages([message]))]), [message])
    })

  it('keeps every field of a hello, a refusal and a request for a snapshot', () => {
    const refusal = { code: 'ERR_RAFT_CLUSTER_MISMATCH', message: 'this is “blue”' }
    const request = { hello, id: 's-1', offset: 2 ** 40 }
    assert.deepEqual(decoded(encodeHello(hello), decodeHello), hello)
    assert.deepEqual(decoded(encodeRefusal(refusal), decodeRefusal), refusal)
    assert.deepEqual(decoded(encodeFetch(request), decodeFetch), request)
  })

  it('arrives wherever the bytes of several are split', () => {
    const bytes = Buffer.concat(encodeMessages(SAMPLE_MESSAGES))
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 12 }), (cuts) => {
        assert.deepEqual(received(split(bytes, cuts)), SAMPLE_MESSAGES)
        assert.deepEqual(receivedInReusedMemory(split(bytes, cuts)), SAMPLE_MESSAGES)
      }),
    )
    const single = Array.from(bytes, (byte) => Buffer.from([byte]))
    assert.deepEqual(received(single), SAMPLE_MESSAGES)
    assert.deepEqual(receivedInReusedMemory(single), SAMPLE_MESSAGES)
  })

  it('is written as the blocks themselves and one buffer for all else', () => {
    const messages = Array.from({ length: 10 }, (_, round) => append(round, 5000))
    const buffers = encodeMessages([...messages, { type: 'TimeoutNow', term: 4 }])
    const blocks = messages.map(({ blocks: [block] }) => block?.bytes)
    assert.deepEqual(
      buffers.filter((_, offset) => offset % 2 === 1),
      blocks,
    )
    for (const [offset, bytes] of blocks.entries()) assert.equal(buffers[2 * offset + 1], bytes, 'a block was copied')
    const others = buffers.filter((_, offset) => offset % 2 === 0)
    assert.equal(new Set(others.map(({ buffer }) => buffer)).size, 1)
    assert.equal(
      others.reduce((sum, { length }) => sum + length, 0),
      10 * (HEADER_BYTES + 7 * 8 + 4) + (HEADER_BYTES + 8),
    )
  })

  it('is read in place within a chunk, and copied once if it spans chunks', () => {
    const frame = Buffer.concat(encodeMessages([append(1, 5000)]))
    const chunk = ownMemory(frame, frame, frame.subarray(0, 3000))
    const rest = ownMemory(frame.subarray(3000), frame)
    const memory = received([chunk, rest]).map(
      (message) => message.type === 'AppendEntriesRequest' && message.blocks[0]?.bytes.buffer,
    )
    assert.deepEqual([memory[0], memory[1], memory[3]], [chunk.buffer, chunk.buffer, rest.buffer])
    assert.ok(memory[2] !== chunk.buffer && memory[2] !== rest.buffer)
  })

  it('is kept in memory of its size although it arrives byte by byte', () => {
    const blocks = [encodeCommands(5, 2, [Buffer.alloc(300_000, 7)])]
    const message = {
      ...SAMPLE_MESSAGES.find(({ type }) => type === 'AppendEntriesRequest'),
      blocks,
    } as unknown as PeerMessage
    const messages: PeerMessage[] = []
    const reader = new FrameReader(33_000_000, false, (frame) => messages.push(decodeMessage(frame)))
    const bytes = Buffer.concat(encodeMessages([message]))
    let most = 0
    for (const byte of bytes) {
      reader.push(Buffer.of(byte))
      most = Math.max(most, reader.partialCapacity)
    }
    assert.deepEqual(messages, [message])
    assert.equal(most, bytes.length)
  })

  it('gets memory as it arrives if it is large', () => {
    const blocks = [encodeCommands(5, 2, [Buffer.alloc(5_000_000, 7)])]
    const message = { ...append(1, 10), blocks } as PeerMessage
    const messages: PeerMessage[] = []
    const reader = new FrameReader(33_000_000, true, (frame) => messages.push(decodeMessage(frame)))
    const bytes = Buffer.concat(encodeMessages([message]))
    reader.push(bytes.subarray(0, 1000))
    assert.equal(reader.partialCapacity, 2 ** 20)
    for (let start = 1000; start < bytes.length; start += 100_000) reader.push(bytes.subarray(start, start + 100_000))
    assert.deepEqual([messages, reader.partialCapacity], [[message], 0])
  })

  it('has fields of later versions behind those that this one knows', () => {
    const writer = new FrameWriter(1, 4)
    writer.begin(FRAME.readIndexRequest, 0, 4)
    for (const number of [3, 9, 77, 0.5]) writer.number(number)
    assert.deepEqual(received(writer.finish() as Buffer[]), [{ type: 'ReadIndexRequest', term: 3, read: 9 }])
  })

  const block = encodeCommands(5, 2, [new Uint8Array([1, 2, 3])]).bytes
  const flipped = Uint8Array.from(block)
  flipped[38] = (flipped[38] as number) ^ 1
  for (const { what, bytes, expected } of [
    {
      what: 'of a message with too few numbers',
      bytes: frameOf(FRAME.readIndexRequest, [1]),
      expected: /read is missing/,
    },
    {
      what: 'with a number above 2^53',
      bytes: frameOf(FRAME.timeoutNow, [2 ** 53]),
      expected: /term is 9007199254740992/,
    },
    { what: 'with a fraction', bytes: frameOf(FRAME.timeoutNow, [1.5]), expected: /term is 1.5/ },
    { what: 'with a number that is none', bytes: frameOf(FRAME.timeoutNow, [Number.NaN]), expected: /term is NaN/ },
    {
      what: 'with a hash chain above 32 bits',
      bytes: frameOf(FRAME.appendEntriesRequest, [1, 1, 1, 2 ** 32, 0, 0, 0]),
      expected: /prevChain is/,
    },
    { what: 'of a vote request of term 0', bytes: frameOf(FRAME.requestVoteRequest, [0, 1, 1]), expected: /term is 0/ },
    {
      what: 'with a last entry without a term',
      bytes: frameOf(FRAME.preVoteRequest, [1, 4, 0]),
      expected: /lastTerm is 0/,
    },
    {
      what: 'with an unknown outcome',
      bytes: frameOf(FRAME.installSnapshotResponse, [1, 4, 0, 0, 0, 0, 0]),
      expected: /outcome is 4/,
    },
    { what: 'of an unknown type', bytes: frameOf(99, []), expected: /unknown type 99/ },
    {
      what: 'with more numbers than bytes',
      bytes: Buffer.from('0000000019000500', 'hex'),
      expected: /cannot contain 5 numbers/,
    },
    {
      what: 'with a block that ends outside',
      bytes: appendWith(Buffer.from('ffffff7f00', 'hex')),
      expected: /ends 2147483646 bytes after/,
    },
    {
      what: 'with the length of a block cut off',
      bytes: appendWith(Buffer.from('0000', 'hex')),
      expected: /ends 2 bytes after/,
    },
    { what: 'with a block of random bytes', bytes: appendWith(withLength(Buffer.alloc(50, 7))), expected: /bad block/ },
    { what: 'with a block with a flipped bit', bytes: appendWith(withLength(flipped)), expected: /checksum/ },
    {
      what: 'with a snapshot that is no JSON',
      bytes: frameOf(FRAME.installSnapshotRequest, [1, 0, 0], Buffer.from('{')),
      expected: /JSON/,
    },
    {
      what: 'with a snapshot id that is a path out of the directory',
      bytes: frameOf(FRAME.installSnapshotRequest, [1, 0, 0], Buffer.from('{"id":"../etc/passwd"}')),
      expected: /id is invalid: '..\/etc/,
    },
    {
      what: 'with 2 MiB of JSON',
      bytes: frameOf(FRAME.installSnapshotRequest, [1, 0, 0], Buffer.alloc(2 ** 21, '[')),
      expected: /at most 1048576/,
    },
    {
      what: 'of 32 MiB',
      bytes: Buffer.from('0000000215000700', 'hex'),
      expected: /a frame of 33554440 bytes; at most 33000000/,
    },
  ])
    it(`${what} is refused`, () => {
      assert.throws(() => received([bytes]), { code: 'ERR_RAFT_BAD_MESSAGE', message: expected })
    })

  it('has no membership in what a follower reports of its snapshot', () => {
    const [message] = SAMPLE_MESSAGES.filter((sample) => sample.type === 'AppendEntriesResponse' && sample.snapshot)
    const { snapshot } = message as AppendEntriesResponse
    const stored = { ...message, snapshot: { ...snapshot, membership: { voters: ['a'] } } } as unknown as PeerMessage
    assert.deepEqual(encodeMessages([stored]), encodeMessages([message as PeerMessage]))
  })

  it('is a message or refused, whatever is cut off or flipped', () => {
    const whole = Buffer.concat(encodeMessages(SAMPLE_MESSAGES))
    for (let length = 0; length < whole.length; length++) decodeOrRefuse([whole.subarray(0, length)])
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole)
      damaged.writeUInt8(damaged.readUInt8(at) ^ (1 << (at % 8)), at)
      decodeOrRefuse([damaged])
    }
  })

  it('is a message or refused, with arbitrary types, numbers and bytes', () => {
    const number = fc.oneof(fc.double(), fc.maxSafeNat(), fc.nat(3))
    const frame = fc.record({
      type: fc.nat(32),
      numbers: fc.array(number, { maxLength: 12 }),
      rest: fc.uint8Array({ maxLength: 80 }),
    })
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 4 }), fc.uint8Array({ maxLength: 40 }), (frames, tail) => {
        decodeOrRefuse([...frames.map(({ type, numbers, rest }) => frameOf(type, numbers, rest)), Buffer.from(tail)])
      }),
      { numRuns: 2000 },
    )
  })
})

function received(chunks: readonly Buffer[]): PeerMessage[] {
  const messages: PeerMessage[] = []
  const reader = new FrameReader(33_000_000, false, (frame) => messages.push(decodeMessage(frame)))
  for (const chunk of chunks) reader.push(chunk)
  return messages
}

/** The chunks are read into the same memory, one after the other. */
function receivedInReusedMemory(chunks: readonly Buffer[]): PeerMessage[] {
  const messages: PeerMessage[] = []
  const reader = new FrameReader(33_000_000, true, (frame) => messages.push(decodeMessage(frame)))
  const memory = Buffer.alloc(Math.max(0, ...chunks.map(({ length }) => length)))
  for (const chunk of chunks) {
    chunk.copy(memory)
    reader.push(memory.subarray(0, chunk.length))
    memory.fill(0xff)
  }
  return messages
}

function decoded<Value>(buffers: readonly Uint8Array[], decode: (frame: FrameCursor) => Value): Value {
  const values: Value[] = []
  new FrameReader(100_000, false, (frame) => values.push(decode(frame))).push(Buffer.concat(buffers))
  return values[0] as Value
}

function decodeOrRefuse(chunks: readonly Buffer[]): void {
  try {
    received(chunks)
  } catch (error) {
    assert.ok(isRaftError(error, 'ERR_RAFT_BAD_MESSAGE'), String(error))
  }
}

function frameOf(type: number, numbers: readonly number[], rest: Uint8Array = new Uint8Array(0)): Buffer {
  const writer = new FrameWriter(1, numbers.length)
  writer.begin(type, 0, numbers.length, rest.length)
  for (const number of numbers) writer.number(number)
  writer.rest(rest)
  return Buffer.concat(writer.finish())
}

function appendWith(blocks: Uint8Array): Buffer {
  return frameOf(FRAME.appendEntriesRequest, [3, 4, 1, 8, 0, 0, 0], blocks)
}

function withLength(block: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(block.length)
  return Buffer.concat([length, block])
}

function append(round: number, bytes: number): Extract<PeerMessage, { type: 'AppendEntriesRequest' }> {
  const head = { term: 3, prevIndex: 4, prevTerm: 1, prevChain: 8, commitIndex: 0, round, session: 0 }
  return { type: 'AppendEntriesRequest', ...head, blocks: [encodeCommands(5, 2, [new Uint8Array(bytes)])] }
}

function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const ends = [...new Set([...cuts, bytes.length])].sort((one, other) => one - other)
  return ends.map((end, offset) => bytes.subarray(ends[offset - 1] ?? 0, end))
}

/** Not in the pool of buffers, which is the memory of others too. */
function ownMemory(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.from(Uint8Array.from(Buffer.concat(parts)).buffer)
}
