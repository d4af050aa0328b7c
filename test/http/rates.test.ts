import assert from 'node:assert/strict'
import { RateMeter } from '../../src/http/dashboard/rates.ts'

describe('the rates of a dashboard', () => {
  it('are those since the last status', () => {
    const meter = new RateMeter(1000, 0)
    for (let ms = 1; ms <= 100; ms++) meter.proposal(ms, undefined)
    meter.proposal(5, 'ERR_RAFT_NOT_LEADER')
    meter.read('linearizable', 3, undefined)
    meter.write(7, 4096)
    assert.deepEqual(meter.take(500), {
      ...{ periodMs: 500, proposals: 100, rejected: 1, reads: 1, writtenBytes: 4096 },
      ...{ proposalMs: { p50: 51, p99: 100 }, readMs: { p50: 3, p99: 3 }, writeMs: { p50: 7, p99: 7 } },
    })
    assert.deepEqual(meter.take(750), {
      ...{ periodMs: 250, proposals: 0, rejected: 0, reads: 0, writtenBytes: 0 },
      ...{ proposalMs: undefined, readMs: undefined, writeMs: undefined },
    })
  })

  it('keep the newest of more durations than they may', () => {
    const meter = new RateMeter(10, 0)
    for (let ms = 1; ms <= 995; ms++) {
      meter.proposal(ms, undefined)
      meter.write(ms, 1)
    }
    const { proposals, proposalMs, writeMs } = meter.take(1)
    assert.equal(proposals, 995)
    assert.deepEqual(proposalMs, { p50: 991, p99: 995 })
    assert.deepEqual(writeMs, { p50: 991, p99: 995 })
  })
})
