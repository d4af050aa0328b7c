/** Bugs in votes, terms and elections. */
import { LEADER } from '../../../src/testing/simulation/workload.ts'
import {
  FIVE_VOTERS,
  FREQUENT_ELECTIONS,
  LATE_MESSAGES,
  REPEATED_CRASHES,
  THREE_VOTERS,
  VERY_LATE_MESSAGES,
  withNetworkConditions,
  withoutMembershipChanges,
  withoutRollouts,
} from '../conditions.ts'
import type { KnownBug } from '../known-bug.ts'

export const VOTES: readonly KnownBug[] = [
  {
    name: 'vote-of-another-term',
    does: 'counts a response to RequestVote without comparing the term',
    system: 'Xraft',
    sources: ['xnnyygn/xraft#33', 'tangruize/SandTable'],
    conditions: 'five voters, no pre-vote, similar election timeouts, no membership changes, and very late messages',
    overrides: (generated) => ({
      workload: withoutMembershipChanges(generated),
      cluster: FIVE_VOTERS,
      settings: { preVote: false, electionTimeoutMaxMs: 180 },
      faults: withNetworkConditions(VERY_LATE_MESSAGES, generated),
    }),
    edits: [
      {
        file: 'src/core/rules/term.ts',
        from: '  if (message.term < state.term) {',
        to: "  if (message.term < state.term && message.type !== 'RequestVoteResponse') {",
      },
    ],
    detectedBy: ['I1', 'I6'],
  },
  {
    name: 'vote-forgotten-on-role-change',
    does: 'clears its vote when it changes its role within a term',
    system: 'akka-raft',
    sources: ['ktoso/akka-raft#56', 'ktoso/akka-raft#47'],
    edits: [
      {
        file: 'src/core/rules/transition.ts',
        from: "    setRole(state, { type: 'follower' })\n",
        to: "    setRole(state, { type: 'follower' })\n    state.votedFor = undefined\n    outbox.isHardStateDirty = true\n",
      },
    ],
    detectedBy: ['I1', 'I2'],
  },
  {
    name: 'candidate-forgets-its-vote',
    does: 'clears its vote for itself when it steps down to the leader of its own term',
    system: 'CCF',
    sources: ['microsoft/CCF#8091'],
    edits: [
      {
        file: 'src/core/roles/candidate.ts',
        from: "      becomeFollower(state, state.term, from, 'higher-term')\n",
        to: "      becomeFollower(state, state.term, from, 'higher-term')\n      state.votedFor = undefined\n      state.outbox.isHardStateDirty = true\n",
      },
    ],
    detectedBy: ['I1', 'I2'],
  },
  {
    name: 'votes-not-voters',
    does: 'counts responses instead of voters, so that a duplicated message elects a leader with a minority',
    system: 'a Coyote sample',
    sources: ['microsoft/coyote-samples#8'],
    edits: [
      {
        file: 'src/core/election/vote-tally.ts',
        from: 'export class VoteTally {\n',
        to: 'export class VoteTally {\n  #grants = 0\n',
      },
      {
        file: 'src/core/election/vote-tally.ts',
        from: '    if (!this.#votes.has(voter)) this.#votes.set(voter, isGranted)',
        to: '    this.#votes.set(voter, isGranted)\n    if (isGranted) this.#grants++',
      },
      {
        file: 'src/core/election/vote-tally.ts',
        from: '    return electionResult(',
        to: "    if (this.#grants > membership.voters.length / 2) return 'won'\n    return electionResult(",
      },
    ],
    detectedBy: ['I1', 'I6'],
    conditions: 'five voters, frequent elections, duplicated messages',
    overrides: (generated) => ({
      cluster: FIVE_VOTERS,
      settings: FREQUENT_ELECTIONS,
      faults: withNetworkConditions(LATE_MESSAGES, generated),
    }),
  },
  {
    name: 'hard-state-never-written',
    does: 'keeps its term and vote in a buffer that is never written, and responds all the same',
    system: 'NodeDB',
    sources: ['NodeDB-Lab/nodedb#161'],
    edits: [
      {
        file: 'src/runtime/pipeline/persister.ts',
        from: 'storage.write(mergeWrites(group))',
        to: 'storage.write({ ...mergeWrites(group), hardState: undefined })',
      },
    ],
    detectedBy: ['I2', 'I7', 'I12'],
  },
  {
    name: 'young-replica-forgets-its-vote',
    does: 'ignores the vote on its disk while its log is empty',
    system: 'TiKV',
    sources: ['tikv/tikv#9579'],
    conditions: 'five voters that crash soon after they start, frequent elections',
    overrides: () => ({ cluster: FIVE_VOTERS, settings: FREQUENT_ELECTIONS, faults: REPEATED_CRASHES }),
    edits: [
      {
        file: 'src/core/state.ts',
        from: '    this.votedFor = hardState.votedFor',
        to: '    this.votedFor = blocks.length > 0 || snapshot !== undefined ? hardState.votedFor : undefined',
      },
    ],
    detectedBy: ['I1', 'I2'],
  },
  {
    name: 'hard-state-in-a-later-write',
    does: 'writes the entries first and the hard state in a second write, and sends its responses in between',
    system: 'CockroachDB',
    sources: ['cockroachdb/cockroach#20939', 'cockroachdb/cockroach#20629'],
    edits: [
      {
        file: 'src/runtime/pipeline/persister.ts',
        from: 'storage.write(mergeWrites(group)).then(\n      () => this.#onWritten(group, storage.immediateWrites !== immediateBefore),',
        to: `storage.write({ ...mergeWrites(group), hardState: undefined }).then(
      () => {
        this.#onWritten(group, false)
        const { hardState } = mergeWrites(group)
        return storage.write({ ...NOTHING_ELSE, hardState })
      },`,
      },
      {
        file: 'src/runtime/pipeline/persister.ts',
        from: 'export class Persister {',
        to: `const NOTHING_ELSE = {
  snapshot: undefined,
  truncateAfter: undefined,
  blocks: [],
  compactTo: undefined,
  isUrgent: true,
}

export class Persister {`,
      },
    ],
    detectedBy: ['I2', 'I7', 'I12'],
  },
  {
    name: 'unaware-voter-rejects',
    does: 'rejects vote requests while its own log lists it as a learner, although it was promoted',
    system: 'etcd',
    sources: ['etcd-io/etcd#10998', 'campaign_learner_must_vote.txt'],
    conditions: 'one voter that promotes a second one, and crashes after one of its writes',
    overrides: (generated) => ({
      cluster: { voters: 1, spares: 1 },
      settings: {},
      workload: [{ type: 'change', atMs: 400, add: [1], promote: [], demote: [], remove: [] }],
      faults: [
        LATE_MESSAGES,
        { type: 'crashAtCall', atMs: 400, node: 0, call: generated.seed % 30, when: 'after', forMs: 20 },
      ],
    }),
    edits: [
      {
        file: 'src/core/rules/vote.ts',
        from: '  const isGranted = isFree && log',
        to: '  const isGranted = isFree && isVoter(state.membership, state.id) && log',
      },
      {
        file: 'src/core/rules/vote.ts',
        from: 'import { allVoters, isMember }',
        to: 'import { allVoters, isMember, isVoter }',
      },
    ],
    detectedBy: ['L1'],
  },
  {
    name: 'pre-candidate-keeps-its-leader',
    does: 'does not forget its leader when it campaigns, and therefore rejects every pre-vote',
    system: 'raft-rs',
    sources: ['tikv/raft-rs#83', 'tikv/raft-rs#84'],
    edits: [
      {
        file: 'src/core/rules/transition.ts',
        from: "  setRole(state, { type: 'pre-candidate', tally })\n  setLeader(state, undefined)\n",
        to: "  setRole(state, { type: 'pre-candidate', tally })\n",
      },
      {
        file: 'src/core/rules/vote.ts',
        from: "state.role.type === 'leader' || state.timer.hasRecentLeaderContact(state.now)",
        to: "state.role.type === 'leader' || state.leader !== undefined",
      },
    ],
    // L9 is L1 while a minority is away.
    detectedBy: ['L1', 'L9'],
  },
  {
    name: 'stale-leader-not-rejected',
    does: 'ignores an AppendEntries of an older term instead of rejecting it, and therefore stays in a term that no other node joins',
    system: 'etcd and raft-rs, while pre-vote was enabled node by node',
    sources: ['TestPreVoteMigrationCanCompleteElection', 'tikv/raft-rs#42'],
    edits: [
      {
        file: 'src/core/rules/term.ts',
        from: "    case 'AppendEntriesRequest':\n      return send(",
        to: "    case 'AppendEntriesRequest':\n      return\n      send(",
      },
    ],
    detectedBy: ['L1', 'L3'],
  },
  {
    name: 'no-pre-vote-and-no-stickiness',
    does: 'grants votes although it has contact with a leader, so that one node with a bad link deposes leader after leader',
    system: 'Raft as published, and etcd at Cloudflare in 2020',
    sources: ['decentralizedthoughts.github.io 2020-12-12'],
    edits: [
      {
        file: 'src/core/rules/vote.ts',
        from: '  const isGranted = message.term > state.term && !hasActiveLeader && log',
        to: '  const isGranted = message.term > state.term && log',
      },
      {
        file: 'src/core/rules/term.ts',
        from: ' && !message.isTransfer && sticksToLeader(state)) return false',
        to: ' && sticksToLeader(state) && message.term === 0) return false',
      },
    ],
    detectedBy: ['I17', 'L1', 'L2', 'L9'],
  },
  {
    name: 'restarted-node-waits-too-long',
    does: 'waits many election timeouts after a restart before it campaigns',
    system: 'openraft',
    sources: ['databendlabs/openraft 228077a6'],
    edits: [
      {
        file: 'src/core/election/timer.ts',
        from: '    this.deadline = this.#randomDeadline(now)\n  }\n\n  restart(',
        to: '    this.deadline = this.#randomDeadline(now) + 20 * options.electionTimeoutMaxMs\n  }\n\n  restart(',
      },
    ],
    conditions: 'no upgrades and no preferred leaders',
    overrides: (generated) => ({ faults: withoutRollouts(generated) }),
    // L9 is L1 while a minority is away.
    detectedBy: ['L1', 'L9'],
  },
  {
    name: 'log-comparison-needs-both',
    does: 'grants its vote only if the last term and the last index are both at least its own, so that neither of two logs can win',
    system: 'openraft',
    sources: ['databendlabs/openraft a48a3282'],
    conditions: 'three voters; a leader is isolated with uncommitted writes, and its successor stops for good',
    overrides: (generated) => ({
      cluster: THREE_VOTERS,
      settings: {},
      workload: [
        ...generated.workload,
        ...[3010, 3040, 3070].map((atMs) => ({ type: 'write', atMs, node: LEADER, count: 6 }) as const),
      ],
      faults: [
        { type: 'partition', atMs: 3000, side: [LEADER], forMs: 2000 },
        { type: 'missing', atMs: 4000, node: LEADER, how: 'down' },
      ],
    }),
    edits: [
      {
        file: 'src/core/log/raft-log.ts',
        from: 'return lastTerm > own.term || (lastTerm === own.term && lastIndex >= own.index)',
        to: 'return lastTerm >= own.term && lastIndex >= own.index',
      },
    ],
    detectedBy: ['L1', 'L9'],
  },
]
