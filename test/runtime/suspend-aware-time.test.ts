import assert from 'node:assert/strict'
import { suspendAwareTime } from '../../src/runtime/suspend-aware-time.ts'

describe('the time of a node on a machine that was suspended', () => {
  const times = { mono: 1000, day: 5_000_000 }
  let now = (): number => 0
  const pass = (monoMs: number, dayMs = monoMs): number => {
    times.mono += monoMs
    times.day += dayMs
    return now()
  }
  beforeEach(() => {
    Object.assign(times, { mono: 1000, day: 5_000_000 })
    now = suspendAwareTime({ monotonic: () => times.mono, wall: () => times.day })
  })

  it('is the monotonic time while the machine runs', () => {
    assert.deepEqual([now(), pass(30), pass(1000)], [1000, 1030, 2030])
  })

  it('counts what the time of day has advanced beyond it', () => {
    assert.equal(pass(30, 5030), 6030)
    assert.equal(pass(30), 6060)
  })

  it('counts a suspension between two calls, however little of it the process noticed', () => {
    assert.equal(pass(1), 1001)
    assert.equal(pass(1, 4000), 1002)
    assert.equal(pass(20), 1022 + 3999)
  })

  it('counts at most a minute, because the time of day may have been corrected', () => {
    assert.equal(pass(30, 3_600_000), 1030 + 60_000)
  })

  it('ignores small corrections, and those backwards', () => {
    assert.equal(pass(30, 129), 1030)
    assert.equal(pass(30, -3_600_000), 1060)
    assert.equal(pass(30), 1090)
  })
})
