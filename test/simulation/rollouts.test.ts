import assert from 'node:assert/strict'
import { simulate } from '../../src/testing/simulate.ts'
import { LEADER } from '../../src/testing/simulation/workload.ts'
import { detect } from '../known-bugs/detect.ts'

const FOUR_VOTERS = { voters: 4, spares: 0 }
const AUTOPILOT = { autopilotDeadMs: 300, autopilotVotersMin: 3 }

describe('a simulated cluster', function () {
  this.timeout(60_000)

  it('hands leadership over to the voter with the highest priority', async () => {
    const { failure, eventCounts } = await simulate({
      ...{ seed: 3, cluster: { voters: 3, spares: 0 }, settings: { leaderPriorityWaitMs: 200 }, workload: [] },
      faults: [0, 1, 2].map((node) => ({ type: 'prefer', atMs: 100 + 400 * node, node, leaderPriority: node })),
    })
    assert.equal(failure, undefined)
    assert.ok((eventCounts.get('transferStarted') ?? 0) > 0)
  })

  it('removes one dead voter of four by its autopilot, and stays available', async () => {
    const { failure, eventCounts } = await simulate({
      ...{ seed: 3, cluster: FOUR_VOTERS, settings: AUTOPILOT },
      workload: [{ type: 'write', atMs: 3500, node: LEADER, count: 2 }],
      faults: [{ type: 'crash', atMs: 1000, node: 1, isHard: true, forMs: 2000 }],
    })
    assert.equal(failure, undefined)
    // It comes back, and the others answer that it is no member.
    assert.ok((eventCounts.get('toldRemoved') ?? 0) > 0)
  })

  it('shows an autopilot that counts living voters as dead (I24)', async () => {
    const { problem, detectedBy } = await detect({
      ...{
        name: 'living-voters-removed',
        does: 'removes voters that respond',
        system: 'none',
        sources: [],
        runsMax: 5,
      },
      edits: [
        {
          file: 'src/runtime/leading/autopilot.ts',
          from: 'silentMs: silentMs ?? leadingMs }))',
          to: 'silentMs: silentMs === undefined ? leadingMs : leadingMs }))',
        },
      ],
      overrides: () => ({ cluster: FOUR_VOTERS, settings: AUTOPILOT, faults: [] }),
      detectedBy: ['I24'],
    })
    assert.deepEqual([problem, detectedBy], [undefined, 'I24'])
  })
})
