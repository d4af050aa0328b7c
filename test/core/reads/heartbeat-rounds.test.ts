import assert from 'node:assert/strict'
import { HeartbeatRounds } from '../../../src/core/reads/heartbeat-rounds.ts'

describe('the heartbeat rounds of a leader', () => {
  it('increase by one and keep their send times', () => {
    const rounds = new HeartbeatRounds()
    assert.equal(rounds.current, 0)
    assert.deepEqual([rounds.begin(10), rounds.begin(20), rounds.current], [1, 2, 2])
    assert.deepEqual([rounds.sentAt(1), rounds.sentAt(2)], [10, 20])
  })

  it('count as sent infinitely long ago if they were never sent', () => {
    const rounds = new HeartbeatRounds()
    assert.equal(rounds.sentAt(0), -Infinity)
    rounds.begin(10)
    assert.deepEqual([rounds.sentAt(0), rounds.sentAt(2)], [-Infinity, -Infinity])
  })

  it('are remembered for a thousand others, then forgotten, and never confused', () => {
    const rounds = new HeartbeatRounds()
    for (let count = 1; count <= 5000; count++) rounds.begin(10 * count)
    assert.equal(rounds.sentAt(5000), 50_000)
    assert.equal(rounds.sentAt(4000), 40_000)
    for (let round = 0; round <= 5000; round++) {
      assert.ok(rounds.sentAt(round) === 10 * round || rounds.sentAt(round) === -Infinity)
    }
    assert.equal(rounds.sentAt(100), -Infinity)
  })
})
