/** Tests of the status report of a cluster and of its text. */
import assert from 'node:assert/strict'
import { formatBytes } from '../../src/cli/format-bytes.ts'
import type { StatusAnswer } from '../../src/cli/status/status-report.ts'
import { buildStatusReport } from '../../src/cli/status/status-report.ts'
import { formatStatus } from '../../src/cli/status/status-text.ts'
import type { NodeStatus } from '../../src/contracts/node-service.ts'
import type { Membership } from '../../src/core/types.ts'
import { answered, down, MEMBERSHIP, member, peer, status } from './status-answers.ts'

describe('the status of a cluster', () => {
  for (const { what, answers, leader, hasQuorum, tolerates } of [
    { what: 'all up', answers: ['n1', 'n2 leads n1,n3', 'n3'], leader: 'n2', hasQuorum: true, tolerates: 1 },
    { what: 'a follower down', answers: ['n1', 'n2 leads n1', 'n3 down'], leader: 'n2', hasQuorum: true, tolerates: 0 },
    {
      what: 'two down',
      answers: ['n1 down', 'n2 leads n1', 'n3 down'],
      leader: undefined,
      hasQuorum: false,
      tolerates: 0,
    },
    {
      what: 'no leader',
      answers: ['n1 alone', 'n2 alone', 'n3'],
      leader: undefined,
      hasQuorum: true,
      tolerates: 1,
    },
  ])
    it(`with ${what} has leader ${leader}, ${hasQuorum ? 'a' : 'no'} quorum, and tolerates ${tolerates} failures`, () => {
      const report = buildStatusReport(answers.map(answer))
      assert.deepEqual([report.leader, report.hasQuorum, report.toleratesFailures], [leader, hasQuorum, tolerates])
    })

  it('names the nodes that trust every caller', () => {
    const nodes = [status('n1', { protection: 'none' }), status('n2', { protection: 'tls' }), status('n3')]
    assert.match(
      formatStatus(buildStatusReport(nodes.map(answered))),
      /\nno TLS and no cluster secret at n1: every caller /,
    )
    assert.doesNotMatch(formatStatus(buildStatusReport(nodes.slice(1).map(answered))), /no TLS/)
  })

  it('has the time at which the certificate of a node expires', () => {
    const nodes = [status('n1', { certificateExpiresAt: Date.UTC(2027, 0, 2) }), status('n2')]
    const { nodes: rows } = buildStatusReport(nodes.map(answered))
    assert.deepEqual(
      rows.map(({ certificateExpires }) => certificateExpires),
      ['2027-01-02T00:00:00.000Z', undefined, undefined],
    )
  })

  it('ignores the leader of an older term', () => {
    const old = follower('n1', { role: 'leader', leader: 'n1', term: 3 })
    const report = buildStatusReport([answered(old), answered(follower('n2', { role: 'leader' })), answer('n3')])
    assert.equal(report.term, 7)
    assert.equal(report.leader, 'n2')
  })

  it('believes the quorum that follows a leader, not a single node of a newer term', () => {
    const cutOff = follower('n1', { term: 900, leader: undefined, role: 'candidate', commitIndex: 40 })
    const report = buildStatusReport([answered(cutOff), answer('n2 leads n3'), answer('n3')])
    assert.deepEqual([report.term, report.leader, report.votersUp, report.hasQuorum], [7, 'n2', 2, true])
    assert.equal(report.nodes[0]?.isReplicating, false)
    assert.equal(report.nodes[0]?.term, 900)
  })

  it('counts the voters that replicate, not those that answer', () => {
    const report = buildStatusReport([answer('n1'), answer('n2 leads n1'), answer('n3')])
    assert.deepEqual([report.votersUp, report.toleratesFailures], [2, 0])
    assert.match(formatStatus(report), /2\/3 voters up {2}tolerates 0 failures.*○ {2}n3 {6}follower/s)
  })

  it('counts a voter that replicates although it cannot be reached from here', () => {
    const report = buildStatusReport([answer('n1'), answer('n2 leads n1,n3'), answer('n3 down')])
    assert.deepEqual([report.votersUp, report.toleratesFailures], [3, 1])
    assert.match(formatStatus(report), /● {2}n3 {6}unreachable \(refused\)/)
  })

  it('counts the voters that follow the leader if the leader itself does not answer', () => {
    const report = buildStatusReport([answer('n1'), answer('n2 down'), answer('n3')])
    assert.deepEqual([report.leader, report.votersUp], ['n2', 3])
  })

  it('does not count a voter that the membership records to have lost entries', () => {
    const members = ['n1', 'n2', 'n3'].map((id) => ({ ...member(id), hasLostEntries: id === 'n3' }))
    const membership = { ...MEMBERSHIP, members }
    const statuses = ['n1', 'n3'].map((id) => answered(follower(id, { membership })))
    assert.deepEqual(buildStatusReport([...statuses, answer('n2 down')]).votersUp, 2)
  })

  it('says what each node knows if there is no leader', () => {
    const report = buildStatusReport([
      answered(follower('n1', { term: 900, leader: undefined, commitIndex: 40 })),
      answer('n2 alone'),
      answer('n3'),
    ])
    assert.deepEqual([report.leader, report.term, report.commitIndex], [undefined, 7, 100])
    assert.match(
      formatStatus(report),
      /no majority of the voters names one leader: n1 names none \(term 900\), n2 names none \(term 7\), n3 names n2 \(term 7\)\n/,
    )
  })

  it('has no quorum if one half of a joint membership has none', () => {
    const joint: Membership = { ...MEMBERSHIP, voters: ['n1', 'n2', 'n3'], outgoing: ['n1'] }
    const statuses = ['n2', 'n3'].map((id) => answered(follower(id, { membership: joint })))
    const report = buildStatusReport(statuses)
    assert.equal(report.hasQuorum, false)
    assert.equal(report.isMembershipChanging, true)
  })

  it('does not count a stopped node as up', () => {
    const report = buildStatusReport([
      answer('n1'),
      answer('n2 leads n1,n3'),
      answered(follower('n3', { stopped: 'the disk has failed' })),
    ])
    assert.equal(report.votersUp, 2)
    assert.equal(report.toleratesFailures, 0)
  })

  it('prints one line for the cluster and one row for each node', () => {
    const text = formatStatus(buildStatusReport(['n1', 'n2 leads n1', 'n3 down'].map(answer)))
    assert.equal(
      text,
      [
        'kv-demo  term 7  leader n2  commit 100  2/3 voters up  tolerates 0 failures',
        '   MEMBER  ROLE            TERM  ADDRESS         LAST  COMMIT  APPLIED  LAG  SEEN   RTT   LOOP  WRITE  DISK FREE  STORAGE  TRANSPORT  VERSION',
        '●  n1      follower        7     127.0.0.1:7001  100   100     98       0+2  41 ms  5 ms  3 ms  -      71 GB      rocksdb  grpc       0.1.0',
        '★  n2      leader          7     127.0.0.1:7002  100   100     98       0+2  -      -     3 ms  -      71 GB      rocksdb  grpc       0.1.0',
        '✗  n3      down (refused)  -     127.0.0.1:7003  -     -       -        10   -      -     -     -      -          -        -          -',
        '',
      ].join('\n'),
    )
  })

  it('prints the rate of the leader, the slowest write of a node, and how far a new member is', () => {
    const timing = {
      heartbeatIntervalMs: 75,
      electionTimeoutMinMs: 750,
      electionTimeoutMaxMs: 1500,
      writeMs: 12.7,
      pendingWriteMs: 0,
    }
    const leader = follower('n2', { role: 'leader', appliedPerSecond: 1234.4, timing }, ['n1'])
    const fetching = { from: 'n2', index: 90, bytes: 25e6, size: 100e6 }
    const membership: Membership = {
      ...{ members: [...MEMBERSHIP.members, { ...member('n4'), promote: true }], voters: ['n1', 'n2', 'n3'] },
      ...{ outgoing: [], learners: ['n4'] },
    }
    const joining = peer('n4', { state: 'snapshot' })
    const answers = [
      answered({ ...leader, membership, peers: [...leader.peers, joining] }),
      answer('n1'),
      answered(status('n4', { fetching, leader: 'n2', lastIndex: 0 })),
    ]
    const text = formatStatus(buildStatusReport(answers))
    assert.match(text, / commit 10000 \(1234\/s\) /)
    assert.match(text, /★ {2}n2 .* 13 ms /)
    assert.match(text, /\nn4 fetches the snapshot: 25 % of 100 MB; it will be a voter\n/)
  })

  it('prints each alarm on a line below the table', () => {
    const alarm = { code: 'A', peer: 'n3', forMs: 61_200, message: 'what to do', details: {} }
    const text = formatStatus(buildStatusReport([answered(follower('n1', { alarms: [alarm] })), answer('n2 leads')]))
    assert.match(text, /\nalarm of n1 about n3 for 61 s: A: what to do\n$/)
  })

  it('prints how many voters are needed if there is no quorum', () => {
    assert.match(
      formatStatus(buildStatusReport(['n1 down', 'n2', 'n3 down'].map(answer))),
      /no leader .* 1\/3 voters up {2}no quorum: needs 2/,
    )
  })

  it('shows the address at which the leader finds a member, and the one of record', () => {
    const moved = [{ id: 'n3', address: '127.0.0.1:7013' }]
    const leader = follower('n2', { role: 'leader', moved }, ['n1', 'n3'])
    const report = buildStatusReport([answer('n1'), answered(leader), answer('n3')])
    const [, , n3] = report.nodes
    assert.deepEqual([n3?.address, n3?.recordedAddress], ['127.0.0.1:7013', '127.0.0.1:7003'])
    assert.match(formatStatus(report), /n3 {6}follower {2}7 {5}127\.0\.0\.1:7013 \(recorded: 127\.0\.0\.1:7003\)/)
  })

  it('sorts n2 before n10', () => {
    const ids = ['n10', 'n2', 'n1']
    const membership: Membership = { ...MEMBERSHIP, members: ids.map(member), voters: ids }
    assert.deepEqual(
      buildStatusReport([answered(follower('n2', { membership }))]).nodes.map((node) => node.id),
      ['n1', 'n2', 'n10'],
    )
  })

  it('prints bytes in decimal units', () => {
    assert.deepEqual([0, 999, 1500, 71.3e9].map(formatBytes), ['0 B', '999 B', '1.5 KB', '71 GB'])
  })
})

/** Parses 'n1', 'n1 leads n2,n3' (these replicate), 'n1 alone' (it knows no leader) or 'n1 down'. */
function answer(words: string): StatusAnswer {
  const [id = '', how, followers = ''] = words.split(' ')
  if (how === 'down') return down(id)
  if (how === 'leads') return answered(follower(id, { role: 'leader' }, followers.split(',')))
  return answered(follower(id, how === 'alone' ? { leader: undefined } : {}))
}

/** A node of a cluster that n2 leads; n1 and n3 of the given ones replicate. */
function follower(id: string, changes: Partial<NodeStatus> = {}, followers: readonly string[] = []): NodeStatus {
  return status(id, {
    leader: 'n2',
    lastIndex: 100,
    persistedIndex: 100,
    commitIndex: 100,
    appliedIndex: 98,
    connected: [],
    storage: 'rocksdb',
    peerTransport: 'grpc',
    peers:
      changes.role === 'leader'
        ? [
            peer('n1', { matchIndex: 100, nextIndex: 101, silentMs: 41.2, isReplicating: followers.includes('n1') }),
            peer('n3', {
              matchIndex: 90,
              nextIndex: 101,
              silentMs: undefined,
              isReplicating: followers.includes('n3'),
            }),
          ]
        : [],
    ...changes,
  })
}
