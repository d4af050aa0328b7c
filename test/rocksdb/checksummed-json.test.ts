/** JSON records with a checksum detect every flipped bit and every missing byte. */
import assert from 'node:assert/strict'
import { decodeChecksummedJson, encodeChecksummedJson } from '../../src/rocksdb/checksummed-json.ts'

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
    const sound = encodeChecksummedJson(VALUE, 128)
    for (let bit = 0; bit < sound.length * 8; bit++) {
      const damaged = Buffer.from(sound)
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7))
      assert.ok('damage' in decodeChecksummedJson(damaged), `bit ${bit}`)
    }
  })

  it('detects every truncation', () => {
    const sound = encodeChecksummedJson(VALUE, 128)
    for (let length = 0; length < sound.length; length++)
      assert.ok('damage' in decodeChecksummedJson(sound.subarray(0, length)), `${length} bytes`)
  })
})
