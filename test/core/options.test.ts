import assert from 'node:assert/strict'
import { RAFT_DEFAULTS } from '../../src/core/index.ts'

describe('the defaults', () => {
  const options = RAFT_DEFAULTS

  it('leave time for several heartbeats before anyone loses patience', () => {
    assert.ok(options.heartbeatIntervalMs * 3 < options.electionTimeoutMinMs)
  })

  it('draw election timeouts from an interval as wide as the timeout, so that votes seldom split', () => {
    assert.ok(options.electionTimeoutMaxMs >= 2 * options.electionTimeoutMinMs)
  })

  it('tell a pause apart well before an election timeout has passed', () => {
    assert.ok(options.pauseToleranceMs < options.electionTimeoutMinMs)
    assert.ok(options.pauseToleranceMs > options.heartbeatIntervalMs)
  })

  it('guard against disruption, and trust no clock', () => {
    assert.deepEqual([options.preVote, options.checkQuorum, options.leaseReads], [true, true, false])
  })

  it('let one message be a part of what may be in flight, and that a part of what may be uncommitted', () => {
    assert.ok(options.messageBytesMax <= options.inflightBytesMax)
    assert.ok(options.inflightBytesMax <= options.uncommittedBytesMax)
    assert.ok(options.trailingBytesMax <= options.laggardBytesMax)
  })
})
