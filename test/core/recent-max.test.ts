import assert from 'node:assert/strict'
import { RecentMax } from '../../src/core/recent-max.ts'

describe('the largest of recent values', () => {
  it('is 0 without values', () => {
    assert.equal(new RecentMax(100).at(0), 0)
  })

  it('is kept for one to two windows', () => {
    const values = new RecentMax(100)
    values.add(1000, 7)
    values.add(1010, 3)
    assert.deepEqual([values.at(1099), values.at(1199)], [7, 7])
    assert.equal(values.at(1200), 0)
  })

  it('gives way to the largest of the next window', () => {
    const values = new RecentMax(100)
    values.add(1000, 7)
    values.add(1150, 3)
    assert.deepEqual([values.at(1150), values.at(1200)], [7, 3])
  })

  it('is forgotten after a long time without values', () => {
    const values = new RecentMax(100)
    values.add(1000, 7)
    values.add(5000, 2)
    assert.equal(values.at(5000), 2)
  })
})
