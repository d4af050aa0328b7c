/** Tests of how far a new member is, and of the text and the rate. */
import assert from 'node:assert/strict'
import { formatProgress, JoinRate, joinProgress } from '../../src/cli/members/join-progress.ts'
import { buildStatusReport } from '../../src/cli/status/status-report.ts'
import type { NodeStatus } from '../../src/contracts/node-service.ts'
import type { PeerStatus } from '../../src/core/status.ts'
import { answered, down, IDS, MEMBERSHIP, member, peer, status } from './status-answers.ts'

const LEARNER = { ...MEMBERSHIP, members: [...IDS, 'n4'].map(member), learners: ['n4'] }
const VOTER = { ...LEARNER, voters: [...IDS, 'n4'], learners: [] }

/** What the leader and the new node n4 say. */
function progressOf(view: Partial<PeerStatus> | undefined, own?: Partial<NodeStatus>, membership = LEARNER) {
  const peers = [peer('n2'), peer('n3'), ...(view === undefined ? [] : [peer('n4', view)])]
  return joinProgress(
    buildStatusReport([
      answered(status('n1', { role: 'leader', peers, membership })),
      ...['n2', 'n3'].map((id) => answered(status(id, { membership }))),
      own === undefined ? down('n4') : answered(status('n4', own)),
    ]),
    'n4',
  )
}

describe('the progress of a new member', () => {
  for (const { stage, text, progress } of [
    {
      stage: 'not connected',
      text: 'n4 is not connected to the leader: start it',
      progress: progressOf({ silentMs: undefined, state: 'probe', matchIndex: 0 }),
    },
    {
      stage: 'snapshot',
      text: 'n4 fetches the snapshot: 25 % of 4.0 MB',
      progress: progressOf(
        { state: 'snapshot', matchIndex: 0 },
        { lastIndex: 0, fetching: { from: 'n1', index: 9000, bytes: 1_000_000, size: 4_000_000 } },
      ),
    },
    {
      stage: 'log',
      text: 'n4 is 4000 entries behind',
      progress: progressOf({ matchIndex: 7000 }, { lastIndex: 7000, commitIndex: 7000, appliedIndex: 6000 }),
    },
    {
      stage: 'caught up',
      text: 'n4 has caught up',
      progress: progressOf({ matchIndex: 9900 }, { lastIndex: 9900, commitIndex: 9900, appliedIndex: 9900 }),
    },
    { stage: 'voter', text: 'n4 is a voter', progress: progressOf({}, {}, VOTER) },
  ])
    it(`is '${stage}'`, () => {
      assert.equal(progress.stage, stage)
      assert.equal(formatProgress('n4', progress, { done: 0 }), text)
    })
})

describe('the rate of a new member', () => {
  const log = { stage: 'log', bytes: undefined, size: undefined } as const

  it('is that since the stage began, with the time that the rest takes', () => {
    const rate = new JoinRate()
    assert.deepEqual(rate.measure(0, { ...log, behind: 10_000 }), { done: 0 })
    assert.deepEqual(rate.measure(2000, { ...log, behind: 5000 }), { done: 0.5, rate: 2500, leftS: 2 })
    assert.match(
      formatProgress('n4', { ...log, behind: 5000 }, { done: 0.5, rate: 2500, leftS: 2 }),
      /^n4 is 5000 entries behind, 2500 entries\/s, about 2 s left$/,
    )
  })

  it('begins again with each stage, and when writes are faster than it catches up', () => {
    const rate = new JoinRate()
    rate.measure(0, { stage: 'snapshot', bytes: 0, size: 1000, behind: 0 })
    assert.deepEqual(rate.measure(1000, { ...log, behind: 50 }), { done: 0 })
    assert.deepEqual(rate.measure(2000, { ...log, behind: 60 }), { done: 0 })
    assert.deepEqual(rate.measure(3000, { ...log, behind: 30 }), { done: 0.5, rate: 30, leftS: 1 })
  })
})
