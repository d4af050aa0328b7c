import assert from 'node:assert/strict'
import { AdminRequests } from '../../../src/runtime/calls/admin-requests.ts'

describe('a request that is no longer waited for', () => {
  const ENDINGS = [
    { how: 'it timed out', end: (requests: AdminRequests) => requests.sweep(10) },
    { how: 'the caller stopped waiting', end: (_: AdminRequests, caller: AbortController) => caller.abort() },
    { how: 'the node was closed', end: (requests: AdminRequests) => requests.close('the node was closed') },
  ]
  for (const operation of ['membership change', 'leadership transfer', 'snapshot'] as const)
    for (const { how, end } of ENDINGS)
      it(`continues, so the outcome of a ${operation} is unknown when ${how}`, async () => {
        const requests = new AdminRequests(() => undefined)
        const caller = new AbortController()
        const answer = new Promise<unknown>((resolve, reject) => {
          requests.add({ operation, deadline: 10, signal: caller.signal, resolve, reject })
        })
        end(requests, caller)
        await assert.rejects(answer, {
          code: 'ERR_RAFT_OUTCOME_UNKNOWN',
          outcome: 'unknown',
          message: `the ${operation} may or may not take effect: ${how}`,
        })
      })

  it('leave the outcome of a transfer unknown once its target was asked to take over', async () => {
    const requests = new AdminRequests(() => undefined)
    const answer = new Promise<unknown>((resolve, reject) => {
      requests.add({ operation: 'leadership transfer', deadline: 10, signal: undefined, resolve, reject })
    })
    requests.settle({ type: 'transferUnknown', request: 1, to: 'b' })
    await assert.rejects(answer, { code: 'ERR_RAFT_OUTCOME_UNKNOWN', outcome: 'unknown' })
  })
})
