/** The invariants of one node: of its state after each step, and of the change between two steps. */
import { assert } from './assert.ts'
import { isJoint } from './membership/membership.ts'
import type { RaftState } from './state.ts'
import type { LogIndex, NodeId, Term } from './types.ts'

/** What `checkTransition` compares the new state with. */
export interface StateSummary {
  readonly term: Term
  readonly votedFor: NodeId | undefined
  readonly leader: NodeId | undefined
  readonly isLeader: boolean
  readonly lastIndex: LogIndex
  readonly commitIndex: LogIndex
  readonly appliedIndex: LogIndex
  readonly snapshotIndex: LogIndex
}

export function summaryOf(state: RaftState): StateSummary {
  const { term, votedFor, leader, role, log } = state
  const { lastIndex, commitIndex, appliedIndex, snapshotIndex } = log
  return {
    term,
    votedFor,
    leader,
    isLeader: role.type === 'leader',
    lastIndex,
    commitIndex,
    appliedIndex,
    snapshotIndex,
  }
}

/** Checks the state of a node. */
export function checkState(state: RaftState): void {
  const { log, role, memberships, membership } = state
  // snapshotIndex ≤ commitIndex ≤ lastIndex; appliedIndex ≤ applyingIndex ≤ commitIndex; persistedIndex ≤ lastIndex.
  assert(
    log.baseIndex <= log.snapshotIndex || log.snapshot === undefined,
    'the log starts no later than its snapshot ends',
  )
  assert(log.snapshotIndex <= log.commitIndex, 'a snapshot contains only committed entries')
  assert(log.appliedIndex <= log.applyingIndex, 'only entries passed to the state machine are applied')
  assert(log.applyingIndex <= log.commitIndex, 'only committed entries are applied')
  assert(log.commitIndex <= log.lastIndex, 'only entries of the log are committed')
  assert(log.persistedIndex <= log.lastIndex, 'only entries of the log are durable')
  // Every index the core computes is the end of a block.
  assert(log.isBoundary(log.commitIndex), 'blocks are committed as a whole')
  assert(log.isBoundary(log.persistedIndex) || log.persistedIndex < log.baseIndex, 'blocks are persisted as a whole')
  // No entry has a term above the node's own.
  assert(log.last.term <= state.term, 'the term of the last entry is at most the current term')
  // The membership comes from the log, and its lists are consistent.
  assert(memberships.current.index <= log.lastIndex, 'the membership in force is in the log')
  assert(!membership.learners.some((id) => membership.voters.includes(id)), 'a learner is not a voter')
  assert(membership.voters.length > 0 || !isJoint(membership), 'a joint membership has two halves')
  if (role.type === 'candidate') {
    // A candidate has voted for itself (§5.2).
    assert(state.votedFor === state.id, 'a candidate votes for itself')
  }
  if (role.type !== 'leader') return
  // A leader knows itself as the leader, and its no-op is the first entry of its term.
  assert(state.leader === state.id, 'a leader knows itself as the leader')
  assert(log.isFirstOfTerm(role.noopIndex, state.term), 'the no-op is the first entry of its term')
  for (const progress of role.progress.values()) {
    // matchIndex < nextIndex ≤ lastIndex + 1.
    assert(progress.matchIndex < progress.nextIndex, 'matching entries are not sent again')
    assert(progress.matchIndex <= log.lastIndex, 'no follower matches beyond the end of the leader log')
    assert(progress.nextIndex <= log.lastIndex + 1, 'the next index is at most one past the log')
  }
  for (const { id } of membership.members) {
    assert(id === state.id || role.progress.has(id), 'a leader tracks every other member')
  }
}

/** Checks the change between two states of a node, without a restart between them. */
export function checkTransition(before: StateSummary, state: RaftState): void {
  const after = summaryOf(state)
  // These never decrease.
  assert(after.term >= before.term, 'the term never decreases')
  assert(after.commitIndex >= before.commitIndex, 'the commit index never decreases')
  assert(after.appliedIndex >= before.appliedIndex, 'the applied index never decreases')
  assert(after.snapshotIndex >= before.snapshotIndex, 'the snapshot index never decreases')
  if (after.term !== before.term) return
  // A node votes at most once per term (§5.2).
  assert(before.votedFor === undefined || after.votedFor === before.votedFor, 'a node votes once per term')
  // A term has at most one leader (§5.2, Election Safety).
  assert(
    before.leader === undefined || after.leader === undefined || after.leader === before.leader,
    'a term has one leader',
  )
  // A leader never overwrites or deletes entries of its log (§5.3, Leader Append-Only).
  assert(!before.isLeader || !after.isLeader || after.lastIndex >= before.lastIndex, 'a leader only appends')
}
