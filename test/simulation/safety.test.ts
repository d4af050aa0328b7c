import assert from 'node:assert/strict'
import fc from 'fast-check'
import { scenarios } from '../../src/testing/arbitraries/scenarios.ts'
import { checkRuns } from '../../src/testing/check-runs.ts'
import { scenario } from '../../src/testing/scenario.ts'
import { REPLAY, runsOr, SEED } from './budget.ts'

describe('a cluster under faults', () => {
  it('keeps every promise of safety, heals, and lives', async () => {
    const { eventCounts } = await checkRuns({ runs: runsOr(100), seed: SEED, path: REPLAY })
    if (REPLAY !== undefined) return
    // A run that sees nothing proves nothing.
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

  it('keeps every promise of safety in whatever order messages, writes and timeouts come', () => {
    const drawn = scenarios({ voters: ['a', 'b', 'c'], joining: ['d'], commandsMax: 200 })
    const property = fc.property(drawn, (text) => {
      const broken = /^(BROKEN|error): .*$/m.exec(scenario(text))
      // What is printed here is a scenario to be kept, once REWRITE has put the answers in.
      assert.equal(broken, null, `${broken?.[0]}\n\n${text}`)
    })
    fc.assert(property, { numRuns: 10 * runsOr(100), seed: SEED })
  }).timeout(0)
})
