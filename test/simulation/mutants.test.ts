import assert from 'node:assert/strict'
import fc from 'fast-check'
import { runPlans } from '../../src/testing/arbitraries/plans.ts'
import { PropertyViolation } from '../../src/testing/properties/property.ts'
import { simulate } from '../../src/testing/simulate.ts'
import { MUTANTS } from './mutants.ts'

const SEEDS_MAX = 80

describe('the properties detect a node that', function () {
  this.timeout(120_000)

  for (const { name, detectedBy, interceptors, settings, voters, faults, seed = 1 } of MUTANTS)
    it(`${name} (${detectedBy.join(' or ')})`, async () => {
      for (const random of fc.sample(runPlans({ untilMs: 4000 }), { numRuns: SEEDS_MAX, seed })) {
        const cluster = { ...random.cluster, voters: voters ?? random.cluster.voters }
        const plan = {
          ...random,
          cluster,
          settings: settings ?? random.settings,
          faults: faults ?? random.faults,
        }
        const { failure } = await simulate({ ...plan, interceptors })
        if (failure === undefined) continue
        assert.ok(failure instanceof PropertyViolation, String((failure as Error).stack))
        assert.ok(detectedBy.includes(failure.property.id), failure.message)
        return
      }
      assert.fail(`no violation was detected in ${SEEDS_MAX} runs`)
    })
})
