/** Bugs about votes, terms and elections. */
import type { FaultPlan } from '../../../src/testing/simulation/faults.ts'
import type { Exhibit } from '../exhibit.ts'

/** One node after the other dies and is back at once. */
const CRASHES: FaultPlan = Array.from({ length: 120 }, (_, number) => ({
  type: 'crash',
  atMs: 150 + 20 * number,
  node: 3 * number,
  isHard: true,
  forMs: 1,
}))

export const VOTES: readonly Exhibit[] = [
  {
    name: 'vote-of-another-term',
    does: 'counts an answer to its request for votes without comparing the term',
    system: 'Xraft',
    sources: ['xnnyygn/xraft#33', 'tangruize/SandTable'],
    where: 'five voters who campaign without asking first, and often at once',
    set: () => ({ cluster: { voters: 5, spares: 0 }, settings: { preVote: false, electionTimeoutMaxMs: 170 } }),
    edits: [
      {
        file: 'src/core/rules/term.ts',
        from: '  if (message.term < state.term) {',
        to: "  if (message.term < state.term && message.type !== 'RequestVoteResponse') {",
      },
    ],
    caughtBy: ['I1'],
  },
  {
    name: 'vote-forgotten-on-role-change',
    does: 'forgets its vote when it changes its role within a term',
    system: 'akka-raft',
    sources: ['ktoso/akka-raft#56', 'ktoso/akka-raft#47'],
    edits: [
      {
        file: 'src/core/rules/transition.ts',
        from: "    move(state, { type: 'follower' })\n",
        to: "    move(state, { type: 'follower' })\n    state.votedFor = undefined\n    outbox.isHardStateDirty = true\n",
      },
    ],
    caughtBy: ['I1', 'I2', 'I12'],
  },
]
