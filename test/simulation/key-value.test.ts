import assert from 'node:assert/strict'
import type { Arbitrary } from 'fast-check'
import fc from 'fast-check'
import type { KvCommand } from '../../src/kv/index.ts'
import { KeyValueMachine, kvAnswerCodec, kvCommandCodec, kvQueryCodec, kvResultCodec } from '../../src/kv/index.ts'
import { checkStateMachine } from '../../src/testing/check-state-machine.ts'

/** Few keys, so that commands conflict. */
const KEY = fc.constantFrom('a', 'b', 'c', 'ключ')

describe('the key-value machine', () => {
  it('passes every check of a state machine, in isolation and in clusters with faults', async () => {
    const totals = await checkStateMachine(() => new KeyValueMachine(), {
      commands: commands(),
      queries: fc.record({ type: fc.constant('get' as const), key: KEY }),
      codec: kvCommandCodec,
      resultCodec: kvResultCodec,
      queryCodec: kvQueryCodec,
      answerCodec: kvAnswerCodec,
      logs: 10,
      runs: 10,
    })
    assert.deepEqual(totals.histories, { linearizable: 10, undecided: 0 })
    assert.ok((totals.eventCounts.get('snapshotInstalled') ?? 0) > 0)
  })
})

function commands(): Arbitrary<KvCommand> {
  const value = fc.uint8Array({ maxLength: 8 })
  const expected = fc.oneof(
    fc.constant({ type: 'absent' as const }),
    fc.record({ type: fc.constant('index' as const), index: fc.nat(40) }),
  )
  return fc.oneof(
    fc.record({ type: fc.constant('put' as const), key: KEY, value }),
    fc.record({ type: fc.constant('delete' as const), key: KEY }),
    fc.record({ type: fc.constant('compareAndSet' as const), key: KEY, expected, value }),
  )
}
