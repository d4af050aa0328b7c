import assert from 'node:assert/strict'
import type { KvCommand } from '../../src/kv/index.ts'
import { KeyValueMachine, kvCommandCodec, kvResultCodec } from '../../src/kv/index.ts'
import { checkStateMachine } from '../../src/testing/check-state-machine.ts'

describe('the key-value machine', () => {
  it('is a state machine, by itself and in clusters under faults', async () => {
    const totals = await checkStateMachine(
      { make: () => new KeyValueMachine(), command, codec: kvCommandCodec, resultCodec: kvResultCodec },
      { runs: 10 },
    )
    assert.ok((totals.told.get('snapshotInstalled') ?? 0) > 0)
  })
})

/** Few keys, so that commands meet. */
function command(number: number): KvCommand {
  const key = `key ${(number * 7) % 5}`
  const value = Buffer.from(`value ${number}`)
  if (number % 5 === 0) return { type: 'delete', key }
  if (number % 3 !== 0) return { type: 'put', key, value }
  const expected = number % 2 === 0 ? ({ type: 'absent' } as const) : ({ type: 'index', index: number - 1 } as const)
  return { type: 'compareAndSet', key, expected, value }
}
