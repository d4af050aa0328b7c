/** Sealed records: every flipped bit, and every lost byte, is noticed. */
import assert from 'node:assert/strict'
import { seal, unseal } from '../../src/rocksdb/sealed.ts'

const VALUE = { term: 3, votedFor: 'n2', name: 'ümlaut' }

describe('a sealed record', () => {
  it('gives back what was sealed, filled up to a length or not', () => {
    assert.deepEqual(unseal(seal(VALUE)), { value: VALUE })
    assert.equal(seal(VALUE, 512).length, 512)
    assert.deepEqual(unseal(seal(VALUE, 512)), { value: VALUE })
  })

  it('can be read by a person: the checksum, then JSON', () => {
    assert.match(seal(VALUE, 128).toString(), /^[0-9a-f]{8} \{"term":3,"votedFor":"n2","name":"ümlaut"\} *\n$/)
  })

  it('notices every flipped bit', () => {
    const sound = seal(VALUE, 128)
    for (let bit = 0; bit < sound.length * 8; bit++) {
      const damaged = Buffer.from(sound)
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7))
      assert.ok('damage' in unseal(damaged), `bit ${bit}`)
    }
  })

  it('notices every cut', () => {
    const sound = seal(VALUE, 128)
    for (let length = 0; length < sound.length; length++)
      assert.ok('damage' in unseal(sound.subarray(0, length)), `${length} bytes`)
  })
})
