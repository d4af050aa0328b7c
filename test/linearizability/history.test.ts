/** CallHistory records the calls of clients and how each call ends. */
import assert from 'node:assert/strict'
import { RaftError } from 'quorate'
import { CallHistory, checkLinearizable, counterModel } from 'quorate/linearizability'

const READ = { type: 'read' } as const

describe('CallHistory', () => {
  it('records the client, operation, times and answer of each call', () => {
    const history = new CallHistory<string, number>()
    const [a, b, c] = [history.call('a', 'one'), history.call('b', 'two'), history.call(3, 'three')]
    b.unknown()
    a.ok(7)
    c.rejected()
    history.call('a', 'four')
    assert.deepEqual(history.calls, [
      { client: 'a', operation: 'one', calledAt: 1, answer: { type: 'ok', at: 5, result: 7 } },
      { client: 'b', operation: 'two', calledAt: 2, answer: { type: 'unknown', at: 4 } },
      { client: 3, operation: 'three', calledAt: 3, answer: { type: 'rejected', at: 6 } },
      { client: 'a', operation: 'four', calledAt: 7, answer: undefined },
    ])
    assert.deepEqual([...history], history.calls)
  })

  it('reads times from the given clock', () => {
    let now = 100
    const history = new CallHistory<string, number>(() => now)
    const call = history.call('a', 'one')
    now = 250
    call.ok(1)
    assert.deepEqual(history.calls[0]?.answer, { type: 'ok', at: 250, result: 1 })
    assert.equal(history.calls[0]?.calledAt, 100)
  })

  it('throws on a second answer to a call', () => {
    const call = new CallHistory<string, number>().call('a', 'one')
    call.unknown()
    assert.throws(() => call.ok(1), /the call of client a has already ended: end each call once/)
  })

  it('records a resolved promise as ok, a not-applied error as rejected, any other error as unknown', async () => {
    const history = new CallHistory<typeof READ, number>()
    assert.equal(await history.record('a', READ, async () => 0), 0)
    const overloaded = new RaftError('ERR_RAFT_OVERLOADED', 'too much')
    const unknown = new RaftError('ERR_RAFT_OUTCOME_UNKNOWN', 'who knows')
    const foreign = Object.assign(new Error('rejected'), { outcome: 'not-applied' })
    for (const error of [overloaded, foreign, unknown, new Error('socket hang up')])
      await assert.rejects(
        history.record('a', READ, () => Promise.reject(error)),
        (thrown) => thrown === error,
      )
    const answers = history.calls.map(({ answer }) => answer?.type)
    assert.deepEqual(answers, ['ok', 'rejected', 'rejected', 'unknown', 'unknown'])
    assert.equal(checkLinearizable(counterModel(), history).verdict, 'linearizable')
  })
})
