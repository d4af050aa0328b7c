/** Messages about clusters show commands, results and states as the author of the state machine writes them. */
import assert from 'node:assert/strict'
import type { Codec } from '../../src/contracts/state-machine.ts'
import { jsonCodec } from '../../src/platform/json-codec.ts'
import { ClusterView } from '../../src/testing/properties/cluster-view.ts'
import type { Observation } from '../../src/testing/properties/observation.ts'
import { stateMachineSafety } from '../../src/testing/properties/state-machine-safety.ts'
import { formatBoth } from '../../src/testing/state-machine/format-bytes.ts'
import type { MachineSpec } from '../../src/testing/state-machine/machine-harness.ts'
import { machineLinearizability } from '../../src/testing/state-machine/machine-linearizability.ts'
import { machineUnderTest } from '../../src/testing/state-machine/machine-under-test.ts'
import { userTexts } from '../../src/testing/state-machine/user-texts.ts'
import { Sum } from './importable-machines.ts'

/** One byte, which is no text that a person can read. */
const byteCodec: Codec<unknown> = {
  encode: (value) => Uint8Array.of(128 + Number(value)),
  decode: (bytes) => (bytes[0] ?? 0) - 128,
}
const spec = { resultCodec: byteCodec, answerCodec: jsonCodec() } as unknown as MachineSpec<unknown, unknown>
const texts = userTexts(spec, { command: (number) => ({ add: number }), query: () => 'total' })
const result = (value: number): string => Buffer.from(byteCodec.encode(value)).toString('latin1')

describe('in the terms of the state machine,', () => {
  /** What I5 says about two machines. */
  function verdictOn(...observations: readonly object[]): unknown {
    const check = stateMachineSafety.watch(new ClusterView(texts))
    return observations.map((observation) => check(observation as Observation)).at(-1)
  }

  it('I5 shows a command and its two results, and the first difference of two states', () => {
    const applied = { type: 'applied', index: 1, term: 1, command: 'w3' }
    assert.equal(
      verdictOn({ ...applied, node: 'n0', result: result(3) }, { ...applied, node: 'n1', result: result(4) }),
      'at index 1, { add: 3 } (w3) returned 3 on n0 and 4 on n1.',
    )
    const ended = { type: 'ended', commands: new Map([[1, 'w3']]) }
    assert.equal(
      verdictOn({ ...ended, node: 'n0', state: '{"total":3}' }, { ...ended, node: 'n1', state: '{"total":4}' }),
      'after the same 1 commands the snapshot of n1 is {"total":4}, and that of n0 is {"total":3}.',
    )
  })

  it('M1 shows the calls, what they returned and what they should have returned', () => {
    const property = machineLinearizability({
      machine: machineUnderTest({ make: () => new Sum(), command: (number) => number, resultCodec: byteCodec }),
      ...{ hasQueries: false, texts, stepsMax: 1000, verdicts: { linearizable: 0, undecided: 0 } },
    })
    const watch = property.watch(new ClusterView(texts))
    for (const observation of [
      { type: 'invoked', call: 1, node: 'n0', what: 'write', command: 'w3' },
      { type: 'applied', node: 'n0', index: 1, term: 1, command: 'w3', result: result(3) },
      { type: 'returned', call: 1, outcome: 'applied', index: 1, result: result(4) },
    ])
      assert.equal(watch(observation as unknown as Observation), undefined)
    const found = watch({ type: 'ended' } as unknown as Observation) as { readonly text: string }
    assert.match(found.text, /client n0 apply\(\{ add: 3 \} \(w3\)\) returned 4, /)
    assert.match(found.text, /it returns 3\./)
  })

  it('equal values that v8.serialize() encodes in two ways are said to be equal', () => {
    // { n: 1 }, once as a fraction.
    const [one, other] = ['ff0f6f22016e4e000000000000f03f7b01', 'ff0f6f22016e49027b01'] as const
    const [shown, note] = formatBoth(Buffer.from(one, 'hex'), Buffer.from(other, 'hex'))
    assert.equal(shown, '{ n: 1 }')
    assert.match(note, /^the same, which v8\.serialize\(\) encoded as other bytes, /)
  })
})
