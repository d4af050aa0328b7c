import assert from 'node:assert/strict'
import type { Arbitrary } from 'fast-check'
import fc from 'fast-check'
import type { KvCommand } from '../../src/kv/index.ts'
import { KeyValueMachine, kvCommandCodec, kvResultCodec } from '../../src/kv/index.ts'
import { checkStateMachine } from '../../src/testing/check-state-machine.ts'

describe('the key-value machine', () => {
  it('is a state machine, by itself and in clusters under faults', async () => {
    const totals = await checkStateMachine(() => new KeyValueMachine(), {
      commands: commands(),
      codec: kvCommandCodec,
      resultCodec: kvResultCodec,
      logs: 10,
      runs: 10,
    })
    assert.ok((totals.told.get('snapshotInstalled') ?? 0) > 0)
  })
})

/** Few keys, so that commands meet. */
function commands(): Arbitrary<KvCommand> {
  const key = fc.constantFrom('a', 'b', 'c', 'ключ')
  const value = fc.uint8Array({ maxLength: 8 })
  const expected = fc.oneof(
    fc.constant({ type: 'absent' as const }),
    fc.record({ type: fc.constant('index' as const), index: fc.nat(40) }),
  )
  return fc.oneof(
    fc.record({ type: fc.constant('put' as const), key, value }),
    fc.record({ type: fc.constant('delete' as const), key }),
    fc.record({ type: fc.constant('compareAndSet' as const), key, expected, value }),
  )
}
