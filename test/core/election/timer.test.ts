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

function timerOf(options: Partial<RaftOptions> = {}): ElectionTimer {
  return new ElectionTimer({ ...RAFT_DEFAULTS, ...options, id: 'a', seed: 1 }, new Random(1), 0)
}
