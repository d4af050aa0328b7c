/** Tests of what `quorate why` says in each situation of a cluster of three. */
import assert from 'node:assert/strict'
import { diagnose, formatDiagnosis } from '../../src/cli/status/diagnosis.ts'
import type { StatusAnswer } from '../../src/cli/status/status-report.ts'
import { buildStatusReport } from '../../src/cli/status/status-report.ts'
import type { NodeStatus } from '../../src/contracts/node-service.ts'
import type { PeerStatus } from '../../src/core/status.ts'
import { answered, down, IDS, MEMBERSHIP, peer, status } from './status-answers.ts'

const LEADS = 'n1 leads term 7,'
const ALARM = { peer: undefined, forMs: 61_200, details: {} }
const UNTRUSTED = { ...ALARM, code: 'PEER_REFUSED', peer: 'n3', message: 'its certificate is not trusted' }
const REFUSED_DIRECTORY = { ...ALARM, code: 'DIRECTORY_REFUSED', peer: 'n3', message: 'n3 came with an older copy' }

interface Situation {
  readonly what: string
  readonly nodes: readonly StatusAnswer[]
  readonly codes: readonly string[]
  readonly text: RegExp
}

const SITUATIONS: readonly Situation[] = [
  {
    what: 'all up',
    nodes: [leader(), node('n2'), node('n3')],
    codes: [],
    text: /^No fault found: n1 leads term 7, 3 of 3 voters replicate, and the cluster tolerates 1 failure\.\n$/,
  },
  {
    what: 'a follower with a slow disk, and a slow connection to another one',
    nodes: [
      leader({ n3: { responseMs: 900 }, n2: { responseMs: 700 } }),
      node('n2', { timing: timing(600) }),
      node('n3'),
    ],
    codes: ['slow disk n2', 'slow response n3'],
    text: /slowest recent durable write of n2 took 600 ms\. n3 took up to 900 ms to respond .* Next: find what else uses the disk of n2,/,
  },
  {
    what: 'a leader that is overloaded, with windows that are full as usual',
    nodes: [
      leader(
        {},
        {
          queues: [
            { limit: 'pendingProposalsMax', used: 980, max: 1000 },
            { limit: 'pendingReadsMax', used: 899, max: 1000 },
            { limit: 'inflightBytesMax', peer: 'n2', used: 10, max: 10 },
            { limit: 'sendQueueMax', peer: 'n3', used: 10, max: 10 },
            { limit: 'sessionResultBytesMax', used: 10, max: 10 },
            { limit: 'sessionsMax', used: 10, max: 10 },
          ],
        },
      ),
      node('n2'),
      node('n3'),
    ],
    codes: ['overloaded n1', 'overloaded n1 n3', 'overloaded n1'],
    text: /pendingProposalsMax of n1 is reached or close \(980 of 1000\): further calls are rejected\. sendQueueMax of n1 for n3 .* dropped, and sent again later\. sessionsMax .* idle longest are removed\. Next: load n1 less, or raise pendingProposalsMax;/,
  },
  {
    what: 'one down',
    nodes: [
      leader({ n3: { isReplicating: false } }, { connected: ['n2'] }),
      node('n2', { connected: ['n1'] }),
      down('n3'),
    ],
    codes: ['down n3'],
    text: /^n1 leads term 7, 2 of 3 .* tolerates 0 failures\. n3 is down \(127.0.0.1:7003 refuses connections\)\. Next: start n3\.\n$/,
  },
  {
    what: 'another port at the address of a member',
    nodes: [alone('n1', { connected: [] }), { address: '127.0.0.1:7002', problem: 'closed at once' }],
    codes: ['down n2', 'down n3'],
    text: /n2 does not answer at 127.0.0.1:7002 \(closed at once\).* whether 127.0.0.1:7002 is its port, and no other one/,
  },
  {
    what: 'the majority down',
    nodes: [alone('n1', { connected: [] }), down('n2'), down('n3')],
    codes: ['down n2', 'down n3'],
    text: /^No leader: 1 of 3 voters run and answer, and a quorum needs 2 of 3\. n2 is down .* Next: start n2; start n3\.\n$/,
  },
  {
    what: 'one down and the others cut from each other in one direction',
    nodes: [alone('n1', { connected: [] }), down('n2'), alone('n3', { connected: ['n1'] })],
    codes: ['down n2', 'not connected n1 n3'],
    text: /n1 and n3 cannot reach each other \(n1->n3 not connected, n3->n1 ok\)\. Next: start n2; open 127.0.0.1:7003 from n1\./,
  },
  {
    what: 'one that the others refuse',
    nodes: [
      leader({ n3: { isReplicating: false } }, { connected: ['n2'] }),
      node('n2', { connected: ['n1', 'n3'] }),
      alone('n3', {
        connected: ['n2'],
        alarms: [
          { ...ALARM, code: 'PEER_REFUSED', peer: 'n1', message: 'no connection to n1: n3 came with another disk' },
        ],
      }),
    ],
    codes: ['not connected n1 n3', 'alarm n3 n1'],
    text: /n1 and n3 cannot reach each other \(.*\)\. alarm of n3 about n1 for 61 s: PEER_REFUSED: .* another disk\.\n$/,
  },
  {
    what: 'one whose directory the others refuse',
    nodes: [
      leader({ n3: { isReplicating: false } }, { connected: ['n2'], alarms: [REFUSED_DIRECTORY] }),
      node('n2', { connected: ['n1'], alarms: [REFUSED_DIRECTORY] }),
      down('n3'),
    ],
    codes: ['down n3', 'alarm n1 n3', 'alarm n2 n3'],
    text: /n3 is down .* older copy\. Next: start n3 with its current data directory, or replace it: .*--yes; .* --data-dir\.\n$/,
  },
  {
    what: 'a node that hangs',
    nodes: [leader(), node('n2'), down('n3', 'no answer')],
    codes: ['down n3'],
    text: /n3 does not answer at 127.0.0.1:7003 \(no answer\), but n1 and n2 have a connection to it: it hangs,/,
  },
  {
    what: 'an election',
    nodes: IDS.map((id) => alone(id)),
    codes: [],
    text: /^No leader, although 3 of 3 voters run .* election is probably in progress/,
  },
  {
    what: 'a leader short of space',
    nodes: [leader({}, { alarms: [{ ...ALARM, code: 'SPACE_LOW', message: 'free space' }] }), node('n2'), node('n3')],
    codes: ['alarm n1'],
    text: /^n1 leads .*\. alarm of n1 for 61 s: SPACE_LOW: free space\.\n$/,
  },
  {
    what: 'a slow disk',
    nodes: [leader(), node('n2', { alarms: [{ ...ALARM, code: 'DISK_SLOW', message: 'find out' }] }), node('n3')],
    codes: ['alarm n2'],
    text: /alarm of n2 for 61 s: DISK_SLOW: find out\./,
  },
  {
    what: 'a follower that needs a snapshot',
    nodes: [leader({ n3: { state: 'snapshot', isReplicating: false } }), node('n2'), node('n3', { lastIndex: 40 })],
    codes: ['snapshot n3'],
    text: /n3 needs the leader's snapshot and is 9960 entries behind\. Next: wait/,
  },
  {
    what: 'a follower that lags',
    nodes: [leader(), node('n2'), node('n3', { lastIndex: 5000, commitIndex: 5000, appliedIndex: 5000 })],
    codes: ['behind n3'],
    text: /n3 is 5000 entries behind the leader\./,
  },
  {
    what: 'a follower that applies slowly',
    nodes: [leader(), node('n2'), node('n3', { appliedIndex: 100 })],
    codes: ['applying behind n3'],
    text: /n3 has not applied 9900 committed entries/,
  },
  {
    what: 'a follower whose answers do not reach the leader',
    nodes: [leader({ n3: { isReplicating: false, silentMs: 4000 } }), node('n2'), node('n3')],
    codes: ['silent n3'],
    text: /accepted nothing from the leader .* \(last response: 4000 ms ago\)\. Next: check the network between n1 and n3/,
  },
  {
    what: 'a member that lost its disk',
    nodes: [leader({ n3: { isReplicating: false, hasLostEntries: true } }), node('n2'), down('n3')],
    codes: ['lost entries n3'],
    text: /n3 has lost entries .* Next: remove n3 \(quorate member remove n3\) and add it again with an empty directory\./,
  },
  {
    what: 'a node that has stopped',
    nodes: [leader({ n3: { isReplicating: false } }), node('n2'), node('n3', { stopped: 'the disk has failed' })],
    codes: ['stopped n3'],
    text: /n3 has stopped: the disk has failed\. Next: remove the cause and restart n3/,
  },
  {
    what: 'a node of another cluster at the address of a member',
    nodes: [leader({}, { connected: ['n2'] }), node('n2', { connected: ['n1'] }), node('n3', { clusterId: 'other' })],
    codes: ['down n3'],
    text: /at 127.0.0.1:7003, the address of n3, a node of another cluster answers \(cluster other\)/,
  },
  {
    what: 'a learner that cannot be reached',
    nodes: ['n1', 'n2'].map((id) => {
      const membership = { ...MEMBERSHIP, voters: ['n1', 'n2'], learners: ['n3'] }
      const changes = { membership, connected: ['n1', 'n2'] }
      return id === 'n1' ? leader({ n3: { isReplicating: false } }, changes) : node(id, changes)
    }),
    codes: ['down n3'],
    text: /2 of 2 voters replicate.* the learner n3 does not answer at 127.0.0.1:7003 \(unreachable\)/,
  },
  {
    what: 'a node that runs and is not a member',
    nodes: [leader(), node('n2'), node('n3'), node('n4')],
    codes: ['not a member n4'],
    text: /n4 runs, but is not a member\. Next: add n4/,
  },
  {
    what: 'a node that was removed and still runs',
    nodes: ['n1', 'n2', 'n3'].map((id) => {
      const membership = { ...MEMBERSHIP, members: MEMBERSHIP.members.slice(0, 2), voters: ['n1', 'n2'] }
      if (id === 'n3') return alone(id, { connected: [] })
      return id === 'n1' ? leader({}, { membership }) : node(id, { membership })
    }),
    codes: ['not a member n3'],
    text: /n3 runs, but was removed\. Next: stop n3; to use its machine again, add n3 .* a new --data-dir\.\n$/,
  },
  {
    what: 'a node with a certificate that is not trusted',
    nodes: [
      leader({ n3: { isReplicating: false } }, { connected: ['n2'], alarms: [UNTRUSTED] }),
      node('n2', { connected: ['n1'] }),
      down('n3', 'not authorized'),
    ],
    codes: ['down n3', 'alarm n1 n3'],
    text: /n3 runs at 127.0.0.1:7003, but .* \(not authorized\)\. .* Next: give this command .*; if the others accept it, correct those of n3\.\n$/,
  },
  {
    what: 'a node without TLS',
    nodes: [
      leader({ n3: { isReplicating: false } }, { connected: ['n2'], alarms: [UNTRUSTED] }),
      node('n2', { connected: ['n1'] }),
      down('n3', 'unreachable'),
    ],
    codes: ['down n3', 'alarm n1 n3'],
    text: /n3 does not serve this command .* refused by others\. alarm of n1 about n3 .* Next: correct n3 as the alarms say, and restart it\.\n$/,
  },
  {
    what: 'a command that most nodes do not accept',
    nodes: [down('n1', 'not authorized'), down('n2', 'not authorized'), alone('n3', { connected: [] })],
    codes: ['down n1', 'down n2'],
    text: /^No leader is known: 1 of 3 voters answer, and n1 and n2 may have a leader, but do not accept this command\. /,
  },
  {
    what: 'a blocked event loop',
    nodes: [leader({}, { loopDelayMs: 1500.4 }), node('n2'), node('n3')],
    codes: ['busy n1'],
    text: /the event loop of n1 was blocked for 1500 ms\. Next: find what blocks/,
  },
]

describe('the diagnosis of a cluster', () => {
  for (const { what, nodes, codes, text } of SITUATIONS)
    it(`explains ${what}`, () => {
      const diagnosis = diagnose(buildStatusReport(nodes))
      const found = diagnosis.findings.map(({ code, node: id, peer }) => [code, id, peer].filter(Boolean).join(' '))
      assert.deepEqual(found, codes)
      assert.match(formatDiagnosis(diagnosis), text)
      assert.equal(formatDiagnosis(diagnosis).startsWith('No leader'), !JSON.stringify(diagnosis).includes(LEADS))
    })
})

function leader(peers: Record<string, Partial<PeerStatus>> = {}, changes: Partial<NodeStatus> = {}): StatusAnswer {
  return node('n1', { role: 'leader', peers: ['n2', 'n3'].map((id) => peer(id, peers[id])), ...changes })
}

function alone(id: string, changes: Partial<NodeStatus> = {}): StatusAnswer {
  return node(id, { leader: undefined, ...changes })
}

function node(id: string, changes: Partial<NodeStatus> = {}): StatusAnswer {
  return answered(status(id, changes))
}

function timing(writeMs: number): NodeStatus['timing'] {
  return { heartbeatIntervalMs: 75, electionTimeoutMinMs: 750, electionTimeoutMaxMs: 1500, writeMs }
}
