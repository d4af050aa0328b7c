import assert from 'node:assert/strict'
import { RecentRate } from '../../src/runtime/recent-rate.ts'

describe('a recent rate', () => {
  it('is that of the current window and the one before', () => {
    const rate = new RecentRate(5000, 7000)
    assert.equal(rate.at(7000), 0)
    rate.add(7100, 50)
    assert.equal(rate.at(7200), 50, 'as if the first second were over')
    assert.equal(rate.at(9500), 20)
    rate.add(12_000, 50)
    assert.equal(rate.at(12_000), 20, '100 in 5 s')
    assert.equal(rate.at(14_500), 100 / 7.5)
    assert.equal(rate.at(17_000), 10, '50 in the 5 s before')
    assert.equal(rate.at(22_000), 0)
    rate.add(1e9, 10)
    assert.ok(Math.abs(rate.at(1e9) - 10 / 6) < 1.5)
  })
})
