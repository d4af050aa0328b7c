/** What a browser runs in place of modules of Node.js gives the same results as they do. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { inspect, isDeepStrictEqual } from 'node:util'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import {
  inspectBriefly,
  objectText,
  portableInspect,
  portableIsDeepEqual,
  portableText,
} from '../../src/linearizability/values.ts'
import { concatBytes, fromBase64, latin1, portableLatin1, toBase64 } from '../../src/platform/bytes.ts'
import { crc32 as ownCrc32, portableCrc32, portableSha256, sha256 } from '../../src/platform/checksums.ts'
import { nodeModule } from '../../src/platform/node-modules.ts'

describe('in a browser', () => {
  const bytes = fc.uint8Array({ maxLength: 300 })
  const data = fc.oneof(bytes, fc.string({ unit: 'binary' }))

  it('crc32 is that of zlib, of bytes and of text, at once and continued', () => {
    fc.assert(
      fc.property(data, bytes, (one, two) => {
        const first = portableCrc32(one)
        assert.equal(first, crc32(one))
        assert.equal(portableCrc32(two, first), crc32(two, first))
      }),
    )
  })

  it('crc32 of nothing is that of what precedes it, also if the empty bytes have no memory', () => {
    for (const crc of [ownCrc32, portableCrc32]) {
      assert.equal(crc(new Uint8Array(new ArrayBuffer(0)), 123), 123)
      assert.equal(crc('', 123), 123)
      assert.equal(crc(new Uint8Array(0)), 0)
    }
  })

  it('sha256 is that of node:crypto', () => {
    fc.assert(
      fc.property(data, (one) => {
        assert.equal(portableSha256(one), createHash('sha256').update(one).digest('hex'))
      }),
    )
    for (let length = 50; length < 140; length++)
      assert.equal(portableSha256(new Uint8Array(length)), sha256(new Uint8Array(length)))
  })

  it('bytes have the same texts as a Buffer gives them', () => {
    fc.assert(
      fc.property(bytes, (one) => {
        assert.equal(portableLatin1(one), latin1(one))
        assert.equal(toBase64(one), Buffer.from(one).toString('base64'))
        assert.deepEqual(fromBase64(toBase64(one)), one)
        assert.deepEqual(concatBytes([one, one]), new Uint8Array(Buffer.concat([one, one])))
      }),
    )
  })

  it('modules of Node.js are missing, without an error', () => {
    const { process } = globalThis
    try {
      Reflect.deleteProperty(globalThis, 'process')
      assert.equal(nodeModule('node:zlib'), undefined)
    } finally {
      globalThis.process = process
    }
  })

  const values = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withNullPrototype: true,
  })
  const small = fc.anything({
    withBigInt: true,
    withMap: true,
    withSet: true,
    maxDepth: 1,
    maxKeys: 1,
    key: fc.constantFrom('a', 'b'),
    values: [fc.constantFrom(0, -0, 1, Number.NaN, '1', null, undefined, true)],
  })

  it('values are equal if Node.js says so', () => {
    fc.assert(
      fc.property(values, values, (one, other) => {
        assert.equal(portableIsDeepEqual(one, other), isDeepStrictEqual(one, other))
        assert.ok(portableIsDeepEqual(one, structuredClone(one)) === isDeepStrictEqual(one, structuredClone(one)))
      }),
    )
    fc.assert(
      fc.property(small, small, (one, other) => {
        assert.equal(portableIsDeepEqual(one, other), isDeepStrictEqual(one, other), inspect([one, other]))
      }),
      { numRuns: 2000 },
    )
  })

  it('objects have the same text if they have in Node.js', () => {
    const objects = small.filter((value) => typeof value === 'object' && value !== null) as fc.Arbitrary<object>
    fc.assert(
      fc.property(objects, objects, (one, other) => {
        assert.equal(
          portableText(one) === portableText(other),
          objectText(one) === objectText(other),
          inspect([one, other]),
        )
      }),
      { numRuns: 2000 },
    )
  })

  it('values are printed almost as Node.js prints them', () => {
    for (const value of [
      'x',
      'x'.repeat(50),
      1,
      -0,
      5n,
      null,
      undefined,
      true,
      [],
      {},
      { a: 1, 'b-c': 'd' },
      new Map([['a', 1]]),
      new Set([1]),
      new Map(),
      new Date(0),
      [{ a: [1] }],
    ])
      assert.equal(portableInspect(value), inspectBriefly(value))
    assert.equal(portableInspect(new Array(10).fill(0)), '[ 0, 0, 0, 0, 0, 0, 0, 0, ... 2 more items ]')
  })
})
