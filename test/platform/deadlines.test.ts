import assert from 'node:assert/strict'
import { Deadlines } from '../../src/platform/deadlines.ts'
import { NodeClock, VirtualTime } from '../../src/testing/simulation/virtual-clock.ts'

describe('deadlines', () => {
  it('are swept again at the next deadline that a sweep returns, at least 5 ms later', () => {
    const time = new VirtualTime()
    const sweptAt: number[] = []
    const next = [101, 300, Number.POSITIVE_INFINITY]
    const deadlines = new Deadlines(clockOf(time), [
      (now) => {
        sweptAt.push(now)
        return next.shift() ?? assert.fail()
      },
    ])
    deadlines.watch(100)
    while (time.step(10_000_000));
    assert.deepEqual(sweptAt, [100, 105, 300])
  })

  it('start no timer after a sweep that stops them', () => {
    const time = new VirtualTime()
    const deadlines = new Deadlines(clockOf(time), [
      () => {
        deadlines.stop()
        return 200
      },
    ])
    deadlines.watch(100)
    while (time.step(150_000));
    assert.equal(time.step(10_000_000), false)
  })
})

function clockOf(time: VirtualTime): NodeClock {
  return new NodeClock(time, { startMs: 0, ratePerMille: 1000 })
}
