import assert from 'node:assert/strict'
import { Random } from '../../src/core/random.ts'

describe('a random number generator', () => {
  it('returns the same numbers for the same seed, on every engine', () => {
    assert.deepEqual(drawn(42), drawn(42))
    assert.deepEqual(drawn(42).slice(0, 4), [576, 891, 647, 370])
  })

  it('returns different numbers for a different seed', () => {
    assert.notDeepEqual(drawn(1), drawn(2))
  })

  it('distributes its numbers evenly over the interval', () => {
    const counts = new Array<number>(10).fill(0)
    for (const value of drawn(7, 10_000, 10)) counts[value] = (counts[value] as number) + 1
    assert.ok(
      counts.every((count) => count > 900 && count < 1100),
      `unevenly: ${counts.join(' ')}`,
    )
  })

  it('returns the start of an empty interval', () => {
    assert.equal(new Random(1).between(5, 5), 5)
  })
})

function drawn(seed: number, count: number = 100, below: number = 1000): number[] {
  const random = new Random(seed)
  return Array.from({ length: count }, () => random.between(0, below))
}
