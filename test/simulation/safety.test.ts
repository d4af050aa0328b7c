import assert from 'node:assert/strict'
import fc from 'fast-check'
import { scenarios } from '../../src/testing/arbitraries/scenarios.ts'
import { checkRuns } from '../../src/testing/check-runs.ts'
import { scenario } from '../../src/testing/scenario.ts'
import { REPLAY, runsOr, SEED } from './budget.ts'

describe('a cluster under faults', () => {
  it('satisfies the safety properties, and makes progress after the faults', async () => {
    const { eventCounts } = await checkRuns({ runs: runsOr(50), seed: SEED, path: REPLAY })
    if (REPLAY !== undefined) return
    // Check that the runs contained the events that matter.
    for (const seen of [
      'becameLeader',
      'steppedDown',
      'logTruncated',
      'logCompacted',
      'snapshotInstalled',
      'removed',
    ] as const)
      assert.ok((eventCounts.get(seen) ?? 0) > 0, `no run saw ${seen}`)
  }).timeout(0)

  it('satisfies the safety properties in random scenarios', () => {
    const texts = scenarios({ voters: ['a', 'b', 'c'], joining: ['d'], commandsMax: 200 })
    const property = fc.property(texts, (text) => {
      const broken = /^(BROKEN|error): .*$/m.exec(scenario(text))
      // A failure prints a scenario that can be added to test/scenarios; REWRITE=1 fills in its output.
      assert.equal(broken, null, `${broken?.[0]}\n\n${text}`)
    })
    fc.assert(property, { numRuns: 10 * runsOr(50), seed: SEED })
  }).timeout(0)
})
