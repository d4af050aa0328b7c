/** Bugs in taking, sending and installing snapshots. */
import { LEADER } from '../../../src/testing/simulation/workload.ts'
import { REPEATED_LEADER_ISOLATION, THREE_VOTERS, withoutMembershipChanges, withoutOlderDisks } from '../conditions.ts'
import type { KnownBug } from '../known-bug.ts'

export const SNAPSHOTS: readonly KnownBug[] = [
  {
    name: 'conflicting-log-kept-on-install',
    does: "keeps a conflicting log when the leader's snapshot is shorter, and treats the entry at the snapshot index as a match",
    system: 'hashicorp/raft',
    sources: ['hashicorp/raft#697', 'hashicorp/raft#212'],
    conditions: 'leaders are isolated repeatedly in the middle of writes, and logs are short',
    overrides: (generated) => ({
      cluster: THREE_VOTERS,
      settings: {},
      workload: [
        ...withoutMembershipChanges(generated),
        ...Array.from({ length: 200 }, (_, number) => ({
          type: 'write' as const,
          atMs: 250 + 15 * number,
          node: number % 3,
          count: 2,
        })),
      ],
      faults: REPEATED_LEADER_ISOLATION,
    }),
    edits: [
      {
        file: 'src/core/rules/snapshot.ts',
        from: '  return index <= log.commitIndex || log.hasEntry(index, term)',
        to: '  return index <= log.commitIndex || log.hasEntry(index, term) || index <= log.lastIndex',
      },
    ],
    detectedBy: ['I3', 'I5', 'I8', 'L3'],
  },
  {
    name: 'membership-from-stale-entries',
    does: 'keeps the membership of entries that an installed snapshot has replaced',
    system: 'ScyllaDB',
    sources: ['scylladb/scylladb#9551'],
    edits: [
      {
        file: 'src/core/rules/snapshot.ts',
        from: '  state.memberships.reset({ index: snapshot.index, membership: snapshot.membership })\n',
        to: '',
      },
    ],
    detectedBy: ['I13'],
  },
  {
    name: 'log-dropped-after-the-install',
    does: 'records an installed snapshot in one write and drops the conflicting log in the next, so that a crash in between leaves both',
    system: 'openraft',
    sources: ['databendlabs/openraft 674e78aa'],
    edits: [
      {
        file: 'src/runtime/pipeline/persister.ts',
        from: '    this.#writing = storage.write(mergeWrites(group)).then(',
        to: `    const whole = mergeWrites(group)
    const first =
      whole.snapshot?.resetLog === true
        ? storage.write({ snapshot: { info: whole.snapshot.info, resetLog: false }, blocks: [], isUrgent: true })
        : Promise.resolve()
    this.#writing = first.then(() => storage.write(whole)).then(`,
      },
    ],
    detectedBy: ['I3', 'I5', 'I7', 'I11', 'I12', 'L0'],
  },
  {
    name: 'install-while-applying',
    does: 'restores a snapshot while it still applies entries, so that the applied index decreases',
    system: 'openraft',
    sources: ['databendlabs/openraft eed681d5'],
    edits: [
      {
        file: 'src/runtime/pipeline/applier.ts',
        from: '    if (this.#isBusy || this.#isStopped) return\n    try {',
        to: '    if (this.#isStopped) return\n    try {',
      },
    ],
    detectedBy: ['I5', 'I7', 'I10', 'I21'],
  },
  {
    name: 'snapshot-term-adopted',
    does: 'adopts the term of an installed snapshot as its own',
    system: 'WRaft',
    sources: ['willemt/raft#118', 'tangruize/SandTable'],
    edits: [
      {
        file: 'src/core/rules/snapshot.ts',
        from: '  log.resetTo(snapshot)\n',
        to: '  log.resetTo(snapshot)\n  state.term = snapshot.term\n  outbox.isHardStateDirty = true\n',
      },
    ],
    detectedBy: ['I7', 'I12'],
  },
  {
    name: 'compacted-beyond-the-snapshot',
    does: 'compacts its log beyond the snapshot, so that entries are missing between them at the next start',
    system: 'RedisRaft',
    sources: ['RedisLabs/redisraft#43', 'RedisLabs/redisraft#44', 'jepsen.io/analyses/redis-raft-1b3fbf6'],
    edits: [
      {
        file: 'src/core/rules/snapshot.ts',
        from: '  const base = log.compactTo(compactionIndex(state, snapshot.index))',
        to: '  const base = log.compactTo(log.appliedIndex)',
      },
    ],
    detectedBy: ['I5', 'I11', 'L0'],
  },
  {
    name: 'probing-after-a-snapshot',
    does: 'leaves a follower in probe mode after a snapshot that ends at the last index, so that it never counts as caught up',
    system: 'etcd',
    sources: ['etcd-io/etcd#10308'],
    conditions: 'a learner is isolated while a snapshot of the whole log is taken, and no trailing entries are kept',
    overrides: ({ seed }) => ({
      cluster: { voters: 3, spares: 1 },
      settings: { trailingEntries: 0, trailingBytesMax: 0 },
      workload: [
        { type: 'write', atMs: 500, node: LEADER, count: 6 },
        { type: 'change', atMs: 700, add: [3], promote: [], demote: [], remove: [] },
        { type: 'snapshot', atMs: 1800, node: LEADER },
      ],
      faults: [{ type: 'partition', atMs: 700 + (seed % 60), side: [3], forMs: 1800 }],
    }),
    edits: [
      {
        file: 'src/core/rules/append-response.ts',
        from: "  if (progress.state.type === 'probe') return progress.becomeReplicate()",
        to: "  if (progress.state.type === 'probe' && hasAdvanced) return progress.becomeReplicate()",
      },
    ],
    detectedBy: ['L5'],
  },
  {
    name: 'snapshot-offered-once',
    does: 'offers a snapshot once and waits for the response, although the follower may have crashed',
    system: 'Dgraph',
    sources: ['dgraph-io/dgraph#2707', 'etcd-io/etcd#10225'],
    edits: [
      {
        file: 'src/core/rules/replicate.ts',
        from: '      if (mustSend) sendSnapshotOffer(state, leader, progress)\n',
        to: '',
      },
    ],
    conditions: 'no disk goes back to an older copy',
    overrides: (generated) => ({ faults: withoutOlderDisks(generated) }),
    detectedBy: ['L8'],
  },
  {
    name: 'snapshot-beyond-the-log-rejected',
    does: 'rejects a snapshot that ends beyond its own log',
    system: 'Zeebe',
    sources: ['camunda/camunda#4451'],
    edits: [
      {
        file: 'src/core/rules/snapshot.ts',
        from: "  answer(state, isFetching ? fetch : offered, 'fetching', round)\n",
        to: `  if (snapshot.index > state.log.lastIndex) return answer(state, offered, 'failed', round)
  answer(state, isFetching ? fetch : offered, 'fetching', round)
`,
      },
    ],
    // L9 if the follower is needed for a majority.
    detectedBy: ['L8', 'L5', 'L9'],
  },
]
