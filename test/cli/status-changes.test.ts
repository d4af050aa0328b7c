/** Tests of the lines that `quorate watch` prints. */
import assert from 'node:assert/strict'
import { statusChanges } from '../../src/cli/status/status-changes.ts'
import type { StatusAnswer, StatusReport } from '../../src/cli/status/status-report.ts'
import { buildStatusReport } from '../../src/cli/status/status-report.ts'
import type { NodeStatus } from '../../src/contracts/node-service.ts'
import { answered, down, IDS, MEMBERSHIP, member, peer, status } from './status-answers.ts'

/** A cluster that n1 leads, with other answers for some nodes. */
function report(changed: Readonly<Record<string, Partial<NodeStatus> | StatusAnswer>> = {}): StatusReport {
  const answers = [...new Set([...IDS, ...Object.keys(changed)])].map((id) => {
    const change = changed[id] ?? {}
    if ('problem' in change) return change
    const leads: Partial<NodeStatus> = id === 'n1' ? { role: 'leader', peers: [peer('n2'), peer('n3')] } : {}
    return answered(status(id, { ...leads, ...(change as Partial<NodeStatus>) }))
  })
  return buildStatusReport(answers)
}

const ALARM = { code: 'SPACE_LOW', peer: undefined, forMs: 5, message: 'free space', details: {} }
const GROWN = { ...MEMBERSHIP, members: [...IDS, 'n4'].map(member), learners: ['n4'] }
const FOLLOWED = { leader: 'n2', term: 8 }

describe('the changes of a status', () => {
  for (const { what, before = report(), after, lines } of [
    { what: 'nothing', after: report({ n2: { commitIndex: 10_050, loopDelayMs: 20 } }), lines: [] },
    {
      what: 'a follower that was killed',
      after: report({ n1: { peers: [peer('n2'), peer('n3', { isReplicating: false })] }, n3: down('n3') }),
      lines: ['2 of 3 voters up: tolerates 0 failures', 'n3 does not answer (refused)', 'n3 does not replicate'],
    },
    {
      what: 'another leader',
      after: report({
        n1: { ...FOLLOWED, role: 'follower', peers: [] },
        n2: { ...FOLLOWED, role: 'leader', peers: [peer('n1'), peer('n3')] },
        n3: FOLLOWED,
      }),
      lines: ['n2 leads term 8, after n1', 'n1 replicates'],
    },
    {
      what: 'a new member',
      after: report({ n1: { membership: GROWN }, n2: { membership: GROWN }, n3: { membership: GROWN } }),
      lines: ['n4 is a learner at 127.0.0.1:7004'],
    },
    { what: 'an alarm', after: report({ n3: { alarms: [ALARM] } }), lines: ['alarm of n3: SPACE_LOW: free space'] },
    {
      what: 'the end of an alarm',
      before: report({ n3: { alarms: [ALARM] } }),
      after: report(),
      lines: ['alarm of n3 has ended: SPACE_LOW'],
    },
    { what: 'another release', after: report({ n2: { version: '0.2.0' } }), lines: ['n2 runs 0.2.0, before 0.1.0'] },
  ])
    it(`include ${what}`, () => assert.deepEqual(statusChanges(before, after), lines))
})
