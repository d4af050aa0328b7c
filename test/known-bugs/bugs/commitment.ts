/** Bugs in committing and applying entries, and in answering the calls that proposed them. */
import type { KnownBug } from '../known-bug.ts'

export const COMMITMENT: readonly KnownBug[] = [
  {
    name: 'old-term-committed-by-counting',
    does: 'commits an entry of an older term as soon as a majority has it',
    system: 'LogCabin, PySyncObj',
    sources: ['logcabin/logcabin#44', 'bakwc/PySyncObj#169'],
    edits: [
      {
        file: 'src/core/rules/commit.ts',
        from: ' || log.termAt(reached) !== state.term',
        to: '',
      },
    ],
    detectedBy: ['I9', 'I6', 'I8'],
  },
  {
    name: 'commit-index-goes-back',
    does: 'adopts the commit index of any message from its leader, even a lower one',
    system: 'PySyncObj',
    sources: ['bakwc/PySyncObj#166'],
    edits: [
      {
        file: 'src/core/rules/append-entries.ts',
        from: 'if (commit > state.log.commitIndex) state.log.commitTo(commit)',
        to: 'state.log.commitTo(commit)',
      },
    ],
    detectedBy: ['I7'],
  },
  {
    name: 'commit-without-proof',
    does: 'commits up to the commit index of a message whose previous entry it does not have',
    system: 'WRaft',
    sources: ['tangruize/SandTable'],
    edits: [
      {
        file: 'src/core/rules/append-entries.ts',
        from: '  if (!matchesPrev(state, message)) return reject(state, from, message)\n',
        to: `  commitUpTo(state, Math.min(message.commitIndex, state.log.lastIndex))
  if (!matchesPrev(state, message)) return reject(state, from, message)\n`,
      },
    ],
    detectedBy: ['I8'],
  },
  {
    name: 'commit-stops-at-an-old-term',
    does: 'searches upwards for the entry to commit, and stops at the first one of an older term',
    system: 'RaftOS',
    sources: ['zhebrak/raftos#30'],
    edits: [
      {
        file: 'src/core/rules/commit.ts',
        from: 'log.termAt(reached) !== state.term',
        to: 'log.termAt(log.commitIndex + 1) !== state.term',
      },
    ],
    detectedBy: ['L9', 'L3', 'L5'],
  },
  {
    name: 'joint-committed-by-one-half',
    does: 'commits with a majority of the outgoing voters, without the incoming ones',
    system: 'openraft',
    sources: ['databendlabs/openraft beb0302b'],
    edits: [
      {
        file: 'src/core/rules/commit.ts',
        from: 'const reached = quorumValue(state.membership, (id) =>',
        to: `const { membership } = state
  const voters = membership.outgoing.length > 0 ? membership.outgoing : membership.voters
  const reached = quorumValue({ ...membership, voters, outgoing: [] }, (id) =>`,
      },
    ],
    detectedBy: ['I9', 'I13'],
  },
  {
    name: 'match-indexes-not-sorted',
    does: 'mistakes the middle of an unsorted list of match indexes for the index that a majority has',
    system: 'openraft',
    sources: ['databendlabs/openraft#1802'],
    edits: [
      {
        file: 'src/core/rules/commit.ts',
        from: `const reached = quorumValue(state.membership, (id) =>
    id === state.id ? log.persistedIndex : (leader.progress.get(id)?.matchIndex ?? 0),
  )`,
        to: `const { voters } = state.membership
  const reached = voters.map((id) =>
    id === state.id ? log.persistedIndex : (leader.progress.get(id)?.matchIndex ?? 0),
  )[voters.length >> 1] ?? 0`,
      },
    ],
    detectedBy: ['I9'],
  },
  {
    name: 'single-member-answers-before-its-disk',
    does: 'commits, applies and acknowledges entries before they are durable if it is the only voter',
    system: 'etcd',
    sources: ['etcd-io/etcd#14370'],
    edits: [
      {
        file: 'src/core/rules/commit.ts',
        from: 'id === state.id ? log.persistedIndex :',
        to: 'id === state.id ? (state.membership.voters.length === 1 ? log.lastIndex : log.persistedIndex) :',
      },
      {
        file: 'src/core/rules/apply.ts',
        from: 'Math.min(log.commitIndex, log.persistedIndex)',
        to: 'log.commitIndex',
      },
    ],
    detectedBy: ['I9', 'I10'],
  },
  {
    name: 'first-page-counted-as-all',
    does: 'applies only the first page of the committed entries after a restart, and records all of them as applied',
    system: 'etcd RawNode',
    sources: ['etcd-io/raft TestRawNodeCommitPaginationAfterRestart'],
    edits: [
      {
        file: 'src/core/rules/apply.ts',
        from: 'to: ready + 1 }',
        to: 'to: Math.min(ready + 1, pageEnd(state)) }',
      },
      {
        file: 'src/core/rules/apply.ts',
        from: 'export function applyCommitted(',
        to: `function pageEnd({ log, options }: RaftState): number {
  const last = log.blocksFrom(log.applyingIndex + 1, options.messageBytesMax).at(-1)
  return last === undefined ? Infinity : last.first + last.count
}

export function applyCommitted(`,
      },
    ],
    detectedBy: ['I5', 'I10', 'L3'],
  },
  {
    name: 'acknowledged-before-durable',
    does: 'acknowledges entries before they are durable',
    system: 'YugabyteDB',
    sources: ['yugabyte/yugabyte-db#23453'],
    edits: [
      {
        file: 'src/core/rules/append-entries.ts',
        from: 'if (index <= log.persistedIndex) send(state, from, response)',
        to: 'if (index <= log.lastIndex) send(state, from, response)',
      },
    ],
    detectedBy: ['I12', 'I9'],
  },
  {
    name: 'calls-not-settled-on-step-down',
    does: 'leaves pending calls without an answer when it steps down',
    system: 'openraft',
    sources: ['databendlabs/openraft 43dd8b6f'],
    edits: [
      {
        file: 'src/core/rules/transition.ts',
        from: 'if (from !== undefined) continue',
        to: 'if (read >= 0) continue',
      },
      // Calls have no deadline either, so that they really stay open.
      {
        file: 'src/runtime/calls/calls.ts',
        from: '      (now) => this.reads.sweep(now),\n',
        to: '',
      },
    ],
    detectedBy: ['L6'],
  },
]
