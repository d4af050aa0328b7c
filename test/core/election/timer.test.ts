import assert from 'node:assert/strict'
import { ElectionTimer } from '../../../src/core/election/timer.ts'
import { RAFT_DEFAULTS, type RaftOptions } from '../../../src/core/index.ts'
import { Random } from '../../../src/core/random.ts'

describe('the election timer', () => {
  it('draws every deadline from the interval of the options', () => {
    const timer = timerOf()
    const drawn = new Set<number>()
    for (let count = 0; count < 1000; count++) {
      timer.restart(5000)
      assert.ok(timer.deadline >= 5750 && timer.deadline < 6500)
      drawn.add(timer.deadline)
    }
    assert.ok(drawn.size > 300, `only ${drawn.size} of 750 possible timeouts were drawn`)
  })

  it('shortens the first timeouts of a new node, if it has a pre-vote', () => {
    const timeouts = (preVote: boolean, isNew: boolean): number[] => {
      const timer = new ElectionTimer({ ...RAFT_DEFAULTS, preVote, id: 'a', seed: 1 }, new Random(1), 0, isNew)
      return [0, 1, 2, 3].map(() => {
        const { deadline } = timer
        timer.restart(0)
        return deadline
      })
    }
    for (const [at, timeoutMs] of timeouts(true, true).entries()) {
      const divisor = 8 / 2 ** at
      assert.ok(timeoutMs >= 750 / divisor && timeoutMs <= Math.ceil(1500 / divisor), `timeout ${at}: ${timeoutMs} ms`)
    }
    for (const whole of [timeouts(false, true), timeouts(true, false)]) assert.ok(whole.every((each) => each >= 750))
  })

  it('is due at its deadline and not before', () => {
    const timer = timerOf()
    assert.equal(timer.isDue(timer.deadline - 1), false)
    assert.equal(timer.isDue(timer.deadline), true)
  })

  it('restarts at contact from a leader', () => {
    const timer = timerOf()
    timer.onLeaderContact(9000)
    assert.ok(timer.deadline >= 9750)
    assert.equal(timer.leaderContactAt, 9000)
  })

  it('reports recent contact for the minimum election timeout', () => {
    const timer = timerOf()
    assert.equal(timer.hasRecentLeaderContact(0), false)
    timer.onLeaderContact(1000)
    assert.equal(timer.hasRecentLeaderContact(1749), true)
    assert.equal(timer.hasRecentLeaderContact(1750), false)
  })

  it('does not count its own restart as contact', () => {
    const timer = timerOf()
    timer.restart(1000)
    assert.equal(timer.hasRecentLeaderContact(1000), false)
  })
})

describe('the election timer with a limit above the timeouts', () => {
  const LIMIT = { electionTimeoutLimitMs: 4000 }

  /** The timer after contacts `gapMs` apart, the last one at `at`. */
  const timerAfter = (gapMs: number, at: number, options: Partial<RaftOptions> = LIMIT): ElectionTimer => {
    const timer = timerOf(options)
    timer.onLeaderContact(at - gapMs)
    timer.onLeaderContact(at)
    return timer
  }

  it('stays as it is while contacts come in time', () => {
    assert.deepEqual(timerAfter(375, 10_000).deadline, timerAfter(375, 10_000, {}).deadline)
  })

  it('waits at least twice the longest gap between two contacts', () => {
    const timer = timerAfter(900, 10_000)
    assert.ok(timer.deadline >= 10_000 + 1800 && timer.deadline < 10_000 + 2550)
  })

  it('ends before the limit', () => {
    const timer = timerAfter(5000, 10_000)
    assert.ok(timer.deadline >= 10_000 + 3250 && timer.deadline < 10_000 + 4000)
  })

  it('forgets a gap after two minutes', () => {
    const timer = timerAfter(900, 10_000)
    timer.restart(10_000 + 120_000)
    assert.ok(timer.deadline < 10_000 + 120_000 + 1500)
  })

  it('counts neither a pause of this node nor the time between two leaders as a gap', () => {
    const timer = timerOf(LIMIT)
    timer.onLeaderContact(1000)
    timer.restart(5000)
    timer.onLeaderContact(5100)
    assert.ok(timer.deadline < 5100 + 1500)
  })

  it('grants votes as before, so that leases hold', () => {
    const timer = timerAfter(3000, 10_000)
    assert.deepEqual([timer.hasRecentLeaderContact(10_749), timer.hasRecentLeaderContact(10_750)], [true, false])
  })

  it('does not adapt without a limit', () => {
    assert.ok(timerAfter(5000, 10_000, {}).deadline < 10_000 + 1500)
  })
})

function timerOf(options: Partial<RaftOptions> = {}): ElectionTimer {
  return new ElectionTimer({ ...RAFT_DEFAULTS, ...options, id: 'a', seed: 1 }, new Random(1), 0, false)
}
