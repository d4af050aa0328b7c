/** Blocks are decoded as they were encoded; damaged, truncated and forged bytes are rejected. */
import assert from 'node:assert/strict'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import type { EncodedBlock } from '../../src/contracts/encoded-block.ts'
import type { Membership } from '../../src/core/types.ts'
import { isRaftError } from '../../src/errors.ts'
import {
  completeBlock,
  decodeBlock,
  encodeBody,
  encodeCommands,
  encodedSize,
  encodeMembership,
  encodeNoop,
  isEnveloped,
  payloadsOf,
} from '../../src/log-format/block.ts'

const member = (id: string) => ({ id, address: '127.0.0.1:1', directoryId: '', addedAt: 0, promote: false })
const EMPTY: Membership = { members: [], voters: [], outgoing: [], learners: [] }
const MEMBERSHIP: Membership = {
  members: [member('a'), member('b')],
  voters: ['a'],
  outgoing: ['a', 'b'],
  learners: [],
}
const isBad = (what: RegExp) => (error: unknown) => isRaftError(error, 'ERR_RAFT_BAD_BLOCK') && what.test(error.message)

describe('a block', () => {
  it('of commands is decoded as it was encoded', () => {
    const places = fc.integer({ min: 1, max: 2 ** 52 })
    const commands = fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 1, maxLength: 50 })
    fc.assert(
      fc.property(places, places, commands, (first, term, payloads) => {
        const block = encodeCommands(first, term, payloads)
        const decoded = decodeBlock(block.bytes)
        assert.deepEqual(decoded, block)
        assert.equal(decoded.count, payloads.length)
        assert.deepEqual(
          payloadsOf(decoded).map((payload) => Uint8Array.from(payload)),
          payloads,
        )
        const bytes = payloads.reduce((sum, payload) => sum + payload.length, 0)
        assert.equal(block.size, encodedSize(payloads.length, bytes))
        assert.equal(block.bytes.length, block.size)
      }),
    )
  })

  it('has an empty header before it is complete, and not what was in memory before', () => {
    for (let run = 0; run < 50; run++)
      assert.deepEqual([...encodeBody([new Uint8Array(100).fill(255)]).bytes.subarray(0, 36)], new Array(36).fill(0))
  })

  it('is decoded from within a larger buffer, such as a network frame', () => {
    const { bytes } = encodeCommands(1, 1, [Uint8Array.of(1, 2, 3)])
    const frame = new Uint8Array(bytes.length + 20)
    frame.set(bytes, 7)
    const decoded = decodeBlock(frame.subarray(7, 7 + bytes.length))
    assert.deepEqual(
      payloadsOf(decoded).map((payload) => [...payload]),
      [[1, 2, 3]],
    )
  })

  it('of a noop has one empty entry', () => {
    const decoded = decodeBlock(encodeNoop(9, 4).bytes)
    const { first, term, kind, count } = decoded
    assert.deepEqual({ first, term, kind, count }, { first: 9, term: 4, kind: 'noop', count: 1 })
    assert.deepEqual(
      payloadsOf(decoded).map((payload) => payload.length),
      [0],
    )
  })

  it('of a membership contains the whole membership', () => {
    const decoded = decodeBlock(encodeMembership(3, 2, MEMBERSHIP).bytes)
    assert.equal(decoded.kind, 'membership')
    assert.deepEqual(decoded.membership, MEMBERSHIP)
  })

  for (const { name, bytes } of [
    { name: 'commands', bytes: encodeCommands(7, 3, [Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3)]).bytes },
    { name: 'a noop', bytes: encodeNoop(1, 1).bytes },
    { name: 'a membership', bytes: encodeMembership(3, 2, EMPTY).bytes },
  ]) {
    it(`of ${name} is rejected if any bit is flipped`, () => {
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const damaged = Uint8Array.from(bytes)
        damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7))
        assert.throws(() => decodeBlock(damaged), isBad(/./), `bit ${bit}`)
      }
    })

    it(`of ${name} is rejected if it is truncated or extended`, () => {
      for (let length = 0; length < bytes.length; length++)
        assert.throws(() => decodeBlock(bytes.subarray(0, length)), isBad(/./), `${length} bytes`)
      assert.throws(() => decodeBlock(Buffer.concat([bytes, Buffer.alloc(1)])), isBad(/./))
    })
  }

  it('marks the commands in an envelope, and leaves the others as they are', () => {
    const payloads = [Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3)]
    const plain = decodeBlock(completeBlock(7, 3, encodeBody(payloads)).bytes)
    const mixed = decodeBlock(completeBlock(7, 3, encodeBody(payloads, new Set([1, 2]))).bytes)
    assert.deepEqual(plain.bytes, encodeCommands(7, 3, payloads).bytes)
    assert.deepEqual(payloadsOf(mixed), payloads)
    const marks = (block: EncodedBlock): boolean[] => payloads.map((_, offset) => isEnveloped(block, offset))
    assert.deepEqual(
      [marks(plain), marks(mixed)],
      [
        [false, false, false],
        [false, true, true],
      ],
    )
  })

  it('is not found in random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => assert.throws(() => decodeBlock(bytes), isBad(/./))),
    )
  })
})

describe('a block with a valid checksum is rejected', () => {
  for (const { why, what, change } of [
    { why: 'its kind is unknown', what: /kind/, change: (bytes: Buffer) => bytes.writeUInt32LE(3, 8) },
    { why: 'it has no entry', what: /0 entries/, change: (bytes: Buffer) => bytes.writeUInt32LE(0, 12) },
    {
      why: 'it claims 4 billion entries',
      what: /entries/,
      change: (bytes: Buffer) => bytes.writeUInt32LE(2 ** 32 - 1, 12),
    },
    { why: 'it starts at 0', what: /index/, change: (bytes: Buffer) => bytes.writeDoubleLE(0, 16) },
    { why: 'it starts at a fraction', what: /index/, change: (bytes: Buffer) => bytes.writeDoubleLE(1.5, 16) },
    {
      why: 'it starts beyond the safe integers',
      what: /index/,
      change: (bytes: Buffer) => bytes.writeDoubleLE(2 ** 53, 16),
    },
    { why: 'it starts at NaN', what: /index/, change: (bytes: Buffer) => bytes.writeDoubleLE(Number.NaN, 16) },
    { why: 'it has term 0', what: /term/, change: (bytes: Buffer) => bytes.writeDoubleLE(0, 24) },
    { why: 'it has a negative term', what: /term/, change: (bytes: Buffer) => bytes.writeDoubleLE(-1, 24) },
    { why: 'its lengths are too long', what: /lengths/, change: (bytes: Buffer) => bytes.writeUInt32LE(5, 36) },
    { why: 'its lengths are too short', what: /lengths/, change: (bytes: Buffer) => bytes.writeUInt32LE(0, 40) },
    { why: 'it is a noop of two entries', what: /noop has one/, change: (bytes: Buffer) => bytes.writeUInt32LE(1, 8) },
  ])
    it(`when ${why}`, () => {
      const bytes = Buffer.from(encodeCommands(1, 1, [Uint8Array.of(1, 2), Uint8Array.of(3)]).bytes)
      change(bytes)
      assert.throws(() => decodeBlock(withChecksum(bytes)), isBad(what))
    })

  for (const { why, what, membership } of [
    { why: 'is not an object', what: /not an object/, membership: 7 },
    { why: 'has no members', what: /no members/, membership: { voters: [] } },
    { why: 'has a voter that is not a member', what: /not a member/, membership: { ...EMPTY, voters: ['x'] } },
    { why: 'has a voter twice', what: /twice/, membership: { ...MEMBERSHIP, voters: ['a', 'a'] } },
    { why: 'has a voter that is a learner', what: /learner/, membership: { ...MEMBERSHIP, learners: ['a'] } },
    { why: 'has a member twice', what: /twice/, membership: { ...EMPTY, members: [member('a'), member('a')] } },
    { why: 'has a member without an id', what: /no id/, membership: { ...EMPTY, members: [member('')] } },
    {
      why: 'has a member added at a fraction',
      what: /addedAt/,
      membership: { ...EMPTY, members: [{ ...member('a'), addedAt: 0.5 }] },
    },
  ])
    it(`when its membership ${why}`, () => {
      const bytes = Buffer.from(encodeCommands(1, 1, [Buffer.from(JSON.stringify(membership))]).bytes)
      bytes.writeUInt32LE(2, 8)
      assert.throws(() => decodeBlock(withChecksum(bytes)), isBad(what))
    })
})

/** With the checksums made right again. */
function withChecksum(bytes: Buffer): Buffer {
  bytes.writeUInt32LE(crc32(bytes.subarray(36)), 32)
  bytes.writeUInt32LE(crc32(bytes.subarray(8, 36)), 4)
  return bytes
}
