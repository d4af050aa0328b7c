import assert from 'node:assert/strict'
import { EARLIER_BOOTS_MAX, nextBoot } from '../../../src/contracts/storage.ts'
import { compareBoots } from '../../../src/runtime/peers/boots.ts'

describe('a boot that is remembered, compared with a directory,', () => {
  const directory = { number: 7, id: 'g', earlier: ['f', 'e', 'd'] }
  for (const { number, id, relation } of [
    { number: 7, id: 'g', relation: 'same' },
    { number: 7, id: 'other', relation: 'forked' },
    { number: 8, id: 'h', relation: 'older' },
    { number: 6, id: 'f', relation: 'later' },
    { number: 6, id: 'other', relation: 'forked' },
    { number: 4, id: 'd', relation: 'later' },
    // The history no longer contains it.
    { number: 3, id: 'any', relation: 'later' },
  ])
    it(`is followed by boot 7 (g, after f, e and d) as ${relation} if it is ${number} (${id})`, () => {
      assert.equal(compareBoots({ number, id }, directory), relation)
    })

  it('is forgotten after as many boots as a storage keeps', () => {
    let boot = nextBoot(undefined, 'first')
    for (let boots = 0; boots < EARLIER_BOOTS_MAX; boots++) boot = nextBoot(boot, `${boots}`)
    assert.equal(compareBoots({ number: 1, id: 'other' }, boot), 'forked')
    assert.equal(compareBoots({ number: 1, id: 'other' }, nextBoot(boot, 'last')), 'later')
  })
})
