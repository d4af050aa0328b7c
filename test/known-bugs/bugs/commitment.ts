/** Bugs about commitment: when entries are settled, applied and answered. */
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
    does: 'takes the commit index of any message from its leader, be it lower than its own',
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
    does: 'commits what it has as far as a message says, though the message shows nothing of what it has',
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
    does: 'looks for what to commit from below, and stops at the first entry of an older term',
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
    name: 'joint-entry-committed-alone',
    does: 'commits by the voters it had, and does not wait for those it is to have',
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
    name: 'acknowledgements-not-in-order',
    does: 'reads off in the middle of its list of acknowledgements, which it has not kept sorted, what a majority has',
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
    does: 'commits, applies and answers what is not on its disk yet when it is alone',
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
    name: 'page-counted-otherwise-after-restart',
    does: 'applies the first page of what it finds committed after a restart, and takes all of it for applied',
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
        from: '/** Handing committed entries',
        to: `function pageEnd({ log, options }: RaftState): number {
  const last = log.blocksFrom(log.applyingIndex + 1, options.messageBytesMax).at(-1)
  return last === undefined ? Infinity : last.first + last.count
}
/** Handing committed entries`,
      },
    ],
    detectedBy: ['I5', 'I10', 'L3'],
  },
  {
    name: 'acknowledged-before-durable',
    does: 'acknowledges entries that its disk has not got yet',
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
    name: 'callers-not-told-on-step-down',
    does: 'leaves those who wait for an answer without one when it leads no more',
    system: 'openraft',
    sources: ['databendlabs/openraft 43dd8b6f'],
    edits: [
      {
        file: 'src/core/rules/transition.ts',
        from: 'if (from !== undefined) continue',
        to: 'if (read >= 0) continue',
      },
      // Nor is there a time after which a call ends by itself.
      {
        file: 'src/runtime/node-runtime.ts',
        from: '      (now) => this.reads.sweep(now),\n',
        to: '',
      },
    ],
    detectedBy: ['L6'],
  },
]
