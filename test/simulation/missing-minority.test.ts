/** A cluster makes progress while a minority stays away, and the check detects if it does not (L9). */
import assert from 'node:assert/strict'
import { PropertyViolation } from '../../src/testing/properties/property.ts'
import { simulate } from '../../src/testing/simulate.ts'
import type { FaultPlan } from '../../src/testing/simulation/faults.ts'
import type { Call } from '../../src/testing/simulation/workload.ts'
import { LEADER } from '../../src/testing/simulation/workload.ts'

const WORKLOAD: Call[] = Array.from({ length: 20 }, (_, number) => ({
  type: 'write',
  atMs: 400 + 60 * number,
  node: number,
  count: 1,
}))

function missingNodes(...nodes: number[]): FaultPlan {
  return nodes.map((node) => ({ type: 'missing', atMs: 1000, node, how: 'down' }) as const)
}

describe('a cluster with missing nodes', () => {
  for (const how of ['down', 'cut off'] as const)
    it(`makes progress while its leader stays ${how}, and accepts it again afterwards`, async () => {
      const { failure, trace } = await simulate({
        seed: 1,
        workload: WORKLOAD,
        faults: [{ type: 'missing', atMs: 1500, node: LEADER, how }],
        healAtMs: 2000,
        isTraced: true,
      })
      assert.equal(failure, undefined)
      assert.match(trace ?? '', new RegExp(`! stays ${how}`))
      assert.match(trace ?? '', /! the missing come back/)
    })

  it('keeps only a minority away after the faults', async () => {
    const plan = { seed: 2, workload: WORKLOAD, healAtMs: 2000, isTraced: true }
    const three = await simulate({ ...plan, cluster: { voters: 3, spares: 1 }, faults: missingNodes(0, 1) })
    assert.equal(three.failure, undefined)
    assert.equal(three.trace?.match(/! stays down/g)?.length, 1)
    const five = await simulate({ ...plan, cluster: { voters: 5, spares: 0 }, faults: missingNodes(0, 1, 2) })
    assert.equal(five.failure, undefined)
    assert.equal(five.trace?.match(/! stays down/g)?.length, 2)
    const alone = await simulate({ ...plan, cluster: { voters: 2, spares: 0 }, faults: missingNodes(0) })
    assert.equal(alone.failure, undefined)
    assert.equal(alone.trace?.match(/! stays down/g), null)
  })

  it('violates L9 if the rest makes no progress', async () => {
    const { failure } = await simulate({
      seed: 3,
      cluster: { voters: 3, spares: 0 },
      workload: WORKLOAD,
      faults: missingNodes(0),
      healAtMs: 2000,
      interceptors: {
        transport: (transport) => {
          const send = transport.send.bind(transport)
          // Only n0 ever receives votes.
          return Object.assign(transport, {
            send: (to: string, message: Parameters<typeof send>[1]) =>
              message.type === 'RequestVoteResponse' && to !== 'n0' ? true : send(to, message),
          })
        },
      },
    })
    assert.ok(failure instanceof PropertyViolation, String(failure))
    assert.equal(failure.property.id, 'L9')
  })
})
