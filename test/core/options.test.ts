import assert from 'node:assert/strict'
import { RAFT_DEFAULTS } from '../../src/core/index.ts'

describe('the default options', () => {
  const options = RAFT_DEFAULTS

  it('allow several heartbeats within an election timeout', () => {
    assert.ok(options.heartbeatIntervalMs * 3 < options.electionTimeoutMinMs)
  })

  it('draw election timeouts from an interval as wide as the minimum, so that split votes are rare', () => {
    assert.ok(options.electionTimeoutMaxMs >= 2 * options.electionTimeoutMinMs)
  })

  it('detect a pause well before an election timeout passes', () => {
    assert.ok(options.pauseToleranceMs < options.electionTimeoutMinMs)
    assert.ok(options.pauseToleranceMs > options.heartbeatIntervalMs)
  })

  it('prevent disruption and rely on no clock', () => {
    assert.deepEqual([options.preVote, options.checkQuorum, options.leaseReads], [true, true, false])
  })

  it('limit a message to what may be in flight, and that to what may be uncommitted', () => {
    assert.ok(options.messageBytesMax <= options.inflightBytesMax)
    assert.ok(options.inflightBytesMax <= options.uncommittedBytesMax)
    assert.ok(options.trailingBytesMax <= options.laggardBytesMax)
  })
})
