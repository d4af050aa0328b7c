/** Bugs in replication: which entries a node has, and which the leader believes it has. */
import { LATE_MESSAGES, REPEATED_LEADER_ISOLATION, withNetworkConditions } from '../conditions.ts'
import type { Edit, KnownBug } from '../known-bug.ts'
import { COMMITMENT } from './commitment.ts'

/** The leader's first AppendEntries carries no entries. */
const HEARTBEAT_FIRST: Edit = {
  file: 'src/core/rules/replicate.ts',
  from: 'const blocks = blocksFrom(state, progress.nextIndex)',
  to: 'const blocks = progress.hasResponded ? blocksFrom(state, progress.nextIndex) : []',
}

/** The receiver assigns the indexes of entries. */
const RENUMBERED_ON_RECEIPT: Edit = {
  file: 'src/core/rules/append-entries.ts',
  from: 'for (const block of missing) appendBlock(state, block)',
  to: 'for (const block of missing) appendBlock(state, { ...block, first: state.log.lastIndex + 1 })',
}

export const REPLICATION: readonly KnownBug[] = [
  {
    name: 'late-reply-overwrites-match',
    does: 'sets the match index from every response, even a late one with a lower index',
    system: 'PySyncObj, RaftOS',
    sources: ['bakwc/PySyncObj#167', 'zhebrak/raftos#25'],
    edits: [
      {
        file: 'src/core/replication/progress.ts',
        from: 'if (index <= this.matchIndex) return false\n',
        to: '',
      },
    ],
    detectedBy: ['I7'],
  },
  {
    name: 'hint-taken-for-a-match',
    does: 'mistakes the hint in a rejection for the match index of that follower',
    system: 'CCF',
    sources: ['microsoft/CCF#5325'],
    conditions: 'leaders are isolated repeatedly',
    overrides: ({ faults }) => ({ faults: [...faults, ...REPEATED_LEADER_ISOLATION] }),
    edits: [
      {
        file: 'src/core/rules/append-response.ts',
        from: "  if (progress.state.type === 'snapshot' || message.index <= progress.matchIndex) return\n",
        to: '  progress.recordMatch(message.hintIndex)\n',
      },
      {
        file: 'src/core/replication/progress.ts',
        from: 'this.nextIndex = Math.max(nextIndex, this.matchIndex + 1)',
        to: 'this.nextIndex = Math.max(nextIndex, 1)',
      },
      // CCF's leader starts in replicate mode, before it knows where the logs match.
      {
        file: 'src/core/replication/progress.ts',
        from: '    this.lastContactAt = now\n  }',
        to: '    this.lastContactAt = now\n    this.becomeReplicate()\n  }',
      },
    ],
    detectedBy: ['I9', 'I6', 'I8'],
  },
  {
    name: 'own-last-index-acknowledged',
    does: 'acknowledges entries up to the end of its own log instead of the end of the received entries',
    system: 'CCF',
    sources: ['microsoft/CCF#6016', 'arXiv 2406.17455'],
    edits: [
      {
        file: 'src/core/rules/append-entries.ts',
        from: 'const index = isDurable || message.blocks.length > 0 ? matchIndex : log.floorToBoundary(log.persistedIndex)',
        to: 'const index = isDurable ? log.persistedIndex : log.lastIndex',
      },
      // With its hash chain, the acknowledgement would not count.
      {
        file: 'src/core/rules/append-entries.ts',
        from: 'chain: log.chainAt(index)',
        to: 'chain: undefined',
      },
      HEARTBEAT_FIRST,
    ],
    // The leader takes the rejection that follows as proof that the follower lost what it acknowledged.
    detectedBy: ['L3', 'I7', 'I9', 'I6', 'I8'],
  },
  {
    name: 'truncates-at-every-append',
    does: 'truncates its log where received entries begin, although it has them already',
    system: 'CCF',
    sources: ['microsoft/CCF#5991', 'arXiv 2406.17455'],
    edits: [
      {
        file: 'src/core/rules/append-entries.ts',
        from: 'const missing = missingBlocks(state, message.blocks)',
        to: 'const missing = message.blocks',
      },
    ],
    detectedBy: ['I8', 'I7'],
  },
  {
    name: 'longer-log-taken-for-a-conflict',
    does: 'drops every entry after the previous index of a message, even of a heartbeat',
    system: 'RaftOS',
    sources: ['zhebrak/raftos#26'],
    edits: [
      {
        file: 'src/core/rules/append-entries.ts',
        from: 'const missing = missingBlocks(state, message.blocks)',
        to: 'if (message.prevIndex < state.log.lastIndex) truncateAfter(state, message.prevIndex)\n  const missing = missingBlocks(state, message.blocks)',
      },
      {
        file: 'src/core/rules/append-entries.ts',
        from: '    if (first + count - 1 <= log.commitIndex) return false\n',
        to: '',
      },
    ],
    detectedBy: ['I8', 'I7', 'L3'],
  },
  {
    name: 'truncate-and-append-in-two-writes',
    does: 'truncates at received entries although it has most of them, and appends them in a second write',
    system: 'openraft',
    sources: ['databendlabs/openraft 9540c904'],
    edits: [
      {
        file: 'src/core/rules/append-entries.ts',
        from: 'return !log.hasEntry(first, term)',
        to: 'return true',
      },
      {
        file: 'src/runtime/pipeline/persister.ts',
        from: 'this.#writing = storage.write(mergeWrites(group)).then(',
        to: `const { truncateAfter, ...rest } = mergeWrites(group)
    const drop = { truncateAfter, blocks: [], isUrgent: true }
    const dropped = truncateAfter === undefined ? Promise.resolve() : storage.write(drop)
    this.#writing = dropped.then(() => storage.write(rest)).then(`,
      },
    ],
    detectedBy: ['I8', 'I9', 'I6'],
  },
  {
    name: 'compacted-entry-taken-for-a-conflict',
    does: 'mistakes a compacted entry for a conflict, and drops the log from there',
    system: 'openraft',
    sources: ['databendlabs/openraft 44381b0c'],
    edits: [
      {
        file: 'src/core/rules/append-entries.ts',
        from: 'return prevIndex <= state.log.commitIndex || state.log.hasEntry(prevIndex, prevTerm)',
        to: 'return state.log.hasEntry(prevIndex, prevTerm)',
      },
      {
        file: 'src/core/rules/append-entries.ts',
        from: '  const hintIndex = Math.max(',
        to: '  if (index <= log.lastIndex) truncateAfter(state, Math.max(index - 1, log.baseIndex))\n  const hintIndex = Math.max(',
      },
    ],
    detectedBy: ['I8', 'I7'],
  },
  {
    name: 'compacted-entries-appended-again',
    does: 'appends the first entries of the log a second time after it has compacted them',
    system: 'WRaft',
    sources: ['willemt/raft#118', 'tangruize/SandTable'],
    conditions: 'a short log, and copies of messages that arrive seconds later',
    overrides: (generated) => ({
      settings: {},
      faults: withNetworkConditions(
        { ...LATE_MESSAGES, conditions: { ...LATE_MESSAGES.conditions, stalePerMille: 300 } },
        generated,
      ),
    }),
    edits: [
      {
        file: 'src/core/rules/append-entries.ts',
        from: 'const missing = missingBlocks(state, message.blocks)',
        to: `const missing =
    message.prevIndex > 0
      ? missingBlocks(state, message.blocks)
      : message.blocks.filter(({ first }) => state.log.termAt(first) === undefined)`,
      },
      {
        file: 'src/core/rules/append-entries.ts',
        from: 'if (first !== undefined && first.first <= state.log.lastIndex) ',
        to: 'if (first !== undefined && first.first <= state.log.lastIndex && message.prevIndex > 0) ',
      },
      RENUMBERED_ON_RECEIPT,
    ],
    detectedBy: ['I3', 'I5', 'I8', 'I10'],
  },
  {
    name: 'entry-skipped-in-packing',
    does: 'skips an entry that does not fit into a message, and adds smaller ones after it',
    system: 'LogCabin',
    sources: ['logcabin/logcabin#160'],
    edits: [
      {
        file: 'src/core/log/block-index.ts',
        from: 'if (offset > first && this.#bytesBefore(offset + 1) - before > bytesMax) break',
        to: `const packed = ranges.reduce((sum, { size }) => sum + size, 0)
      if (offset > first && packed + this.#rangeAt(offset).size > bytesMax) continue`,
      },
      {
        file: 'src/core/rules/validate-message.ts',
        from: 'if (block.first !== end) return `',
        to: 'if (block.first < end) return `',
      },
      RENUMBERED_ON_RECEIPT,
    ],
    detectedBy: ['I3', 'I8', 'I9', 'I12', 'I18'],
  },
  {
    name: 'hint-is-always-the-last-index',
    does: 'searches only its last few entries for a hint, and otherwise sends its last index every time',
    system: 'openraft',
    sources: ['databendlabs/openraft 6d53aa12'],
    edits: [
      {
        file: 'src/core/rules/append-entries.ts',
        from: 'const hintIndex = Math.max(log.lastWithTermAtMost(index, prevTerm) ?? 0, log.commitIndex)',
        to: `const found = log.lastWithTermAtMost(index, prevTerm) ?? 0
  const hintIndex = found > log.lastIndex - 2 ? found : log.lastIndex`,
      },
      {
        file: 'src/core/rules/append-response.ts',
        from: 'state.log.lastWithTermAtMost(Math.min(message.hintIndex, message.index - 1), message.hintTerm)',
        to: 'Math.min(message.hintIndex, state.log.lastIndex)',
      },
    ],
    detectedBy: ['L4'],
  },
  {
    name: 'one-entry-back-per-round',
    does: 'steps back one entry per rejection, so that a long conflict takes one round per entry',
    system: 'etcd',
    sources: ['etcd-io/etcd#2021', 'etcd-io/etcd#11964'],
    edits: [
      {
        file: 'src/core/rules/append-response.ts',
        from: 'state.log.lastWithTermAtMost(Math.min(message.hintIndex, message.index - 1), message.hintTerm)',
        to: 'state.log.lastWithTermAtMost(message.index - 1, state.term)',
      },
    ],
    detectedBy: ['L4'],
  },
  {
    name: 'heartbeat-term-outside-the-loop',
    does: 'adopts a higher term from a heartbeat outside its main loop, while the loop keeps leading and uses that term for its entries',
    system: 'hashicorp/raft',
    sources: ['hashicorp/raft#695'],
    edits: [
      {
        file: 'src/core/rules/term.ts',
        from: '  if (message.term > state.term) return updateTerm(state, from, message)\n',
        to: `  if (message.term > state.term) {
    const isHeartbeat = message.type === 'AppendEntriesRequest' && message.blocks.length === 0
    if (isHeartbeat && state.role.type === 'leader') {
      state.term = message.term
      state.votedFor = undefined
      state.outbox.isHardStateDirty = true
      return false
    }
    return updateTerm(state, from, message)
  }\n`,
      },
      HEARTBEAT_FIRST,
    ],
    detectedBy: ['I1', 'I3'],
  },
  {
    name: 'leads-after-a-failed-write',
    does: 'drops the entries of a failed write although they were sent, and keeps leading in the same term',
    system: 'canonical/raft',
    sources: ['canonical/raft#320'],
    edits: [
      {
        file: 'src/core/raft.ts',
        from: "if (state.role.type === 'leader') becomeFollower(state, state.term, undefined, 'storage-failed')",
        to: `if (state.role.type === 'leader') {
    state.pendingWrites.complete(state.pendingWrites.lastNumber)
    return truncateAfter(state, Math.max(state.log.persistedIndex, state.log.commitIndex))
  }`,
      },
      {
        file: 'src/core/raft.ts',
        from: "import { applyCommitted } from './rules/apply.ts'",
        to: "import { truncateAfter } from './rules/append.ts'\nimport { applyCommitted } from './rules/apply.ts'",
      },
      {
        file: 'src/runtime/pipeline/persister.ts',
        from: '    if (this.#isStopped) return\n    this.stop()\n',
        to: '',
      },
      {
        file: 'src/runtime/pipeline/pipeline.ts',
        from: '...{ storage, clock, cache, onFailed },\n',
        to: "...{ storage, clock, cache },\n      onFailed: (error) => this.driver.post({ type: 'storageFailed', reason: String(error) }),\n",
      },
      // The disk fails one write and accepts the next one, as a full disk does once space is free.
      {
        file: 'src/testing/simulation/simulated-storage.ts',
        from: "this.#disk.memory.failWrites(this.#disk.reject('ERR_RAFT_STORAGE', reason))",
        to: "this.#hasFailed = true\n    throw this.#disk.reject('ERR_RAFT_STORAGE', reason)",
      },
      {
        file: 'src/testing/simulation/simulated-storage.ts',
        from: 'if (this.#disk.failedWriteSurvives()) await this.#writeUnsynced(write)',
        to: '',
      },
      {
        file: 'src/testing/simulation/simulated-storage.ts',
        from: 'if (disk.failure !== undefined)',
        to: 'if (!this.#hasFailed && disk.failure !== undefined)',
      },
      {
        file: 'src/testing/simulation/simulated-storage.ts',
        from: '#isClosing = false\n',
        to: '#isClosing = false\n  #hasFailed = false\n',
      },
    ],
    detectedBy: ['I4', 'I3', 'I5'],
  },
  ...COMMITMENT,
]
