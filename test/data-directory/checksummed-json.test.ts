/** JSON records with a checksum detect every flipped bit and every missing byte. */
import assert from 'node:assert/strict'
import { decodeChecksummedJson, encodeChecksummedJson } from '../../src/data-directory/checksummed-json.ts'

const VALUE = { term: 3, votedFor: 'n2', name: 'ümlaut' }

describe('a record with a checksum', () => {
  it('round-trips a value, with and without padding', () => {
    assert.deepEqual(decodeChecksummedJson(encodeChecksummedJson(VALUE)), { value: VALUE })
    assert.equal(encodeChecksummedJson(VALUE, 512).length, 512)
    assert.deepEqual(decodeChecksummedJson(encodeChecksummedJson(VALUE, 512)), { value: VALUE })
  })

  it('is readable text: the checksum, then JSON', () => {
    assert.match(
      encodeChecksummedJson(VALUE, 128).toString(),
      /^[0-9a-f]{8} \{"term":3,"votedFor":"n2","name":"ümlaut"\} *\n$/,
    )
  })

  it('detects every flipped bit', () => {
    const intact = encodeChecksummedJson(VALUE, 128)
    for (let bit = 0; bit < intact.length * 8; bit++) {
      const damaged = Buffer.from(intact)
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7))
      assert.ok('damage' in decodeChecksummedJson(damaged), `bit ${bit}`)
    }
  })

  it('detects every truncation', () => {
    const intact = encodeChecksummedJson(VALUE, 128)
    for (let length = 0; length < intact.length; length++)
      assert.ok('damage' in decodeChecksummedJson(intact.subarray(0, length)), `${length} bytes`)
  })
})
