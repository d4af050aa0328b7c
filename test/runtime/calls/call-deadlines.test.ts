import assert from 'node:assert/strict'
import { CallDeadlines } from '../../../src/runtime/calls/call-deadlines.ts'
import { NodeClock, VirtualTime } from '../../../src/testing/simulation/virtual-clock.ts'

describe('the deadlines of calls', () => {
  it('cause a sweep when the earliest one is due, and not before', () => {
    const time = new VirtualTime()
    const sweeps: number[] = []
    const clock = new NodeClock(time, { startMs: 0, ratePerMille: 1000 })
    const deadlines = new CallDeadlines(clock, 5000, [(now) => sweeps.push(now) && Number.POSITIVE_INFINITY])
    assert.equal(deadlines.deadlineFor(undefined), 5000)
    assert.equal(deadlines.deadlineFor({ timeoutMs: 300 }), 300)
    deadlines.deadlineFor({ timeoutMs: 400 })
    while (time.step(299_000));
    assert.deepEqual(sweeps, [])
    while (time.step(10_000_000));
    assert.deepEqual(sweeps, [300])
  })

  it('reject a timeout that is not positive', () => {
    const clock = new NodeClock(new VirtualTime(), { startMs: 0, ratePerMille: 1000 })
    const deadlines = new CallDeadlines(clock, 5000, [])
    for (const timeoutMs of [0, -1, Number.NaN])
      assert.throws(() => deadlines.deadlineFor({ timeoutMs }), { code: 'ERR_RAFT_OPTIONS' })
  })
})
