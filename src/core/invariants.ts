/** What holds of one node's state at every moment, and what may change between two steps. One English sentence above each check. */
import { assert } from './assert.ts'
import { isJoint } from './membership/membership.ts'
import type { RaftState } from './state.ts'
import type { LogIndex, NodeId, Term } from './types.ts'

/** What `checkTransition` compares with. */
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

/** What holds now. */
export function checkState(state: RaftState): void {
  const { log, role, memberships, membership } = state
  // The pointers keep their order.
  assert(
    log.baseIndex <= log.snapshotIndex || log.snapshot === undefined,
    'the log begins at or before its snapshot ends',
  )
  assert(log.snapshotIndex <= log.commitIndex, 'a snapshot holds only what is committed')
  assert(log.appliedIndex <= log.applyingIndex, 'nothing is applied that was not handed out')
  assert(log.applyingIndex <= log.commitIndex, 'nothing is applied that is not committed')
  assert(log.commitIndex <= log.lastIndex, 'nothing is committed that is not in the log')
  assert(log.persistedIndex <= log.lastIndex, 'nothing is durable that is not in the log')
  // Every boundary is a block boundary.
  assert(log.isBoundary(log.commitIndex), 'blocks are committed whole')
  assert(log.isBoundary(log.persistedIndex) || log.persistedIndex < log.baseIndex, 'blocks are persisted whole')
  // No entry has a term above the node's own.
  assert(log.last.term <= state.term, 'the last entry is of this term or an older one')
  // Memberships lie in the log, and the lists of one exclude each other.
  assert(memberships.current.index <= log.lastIndex, 'the membership in force is in the log')
  assert(!membership.learners.some((id) => membership.voters.includes(id)), 'a learner does not vote')
  assert(membership.voters.length > 0 || !isJoint(membership), 'a joint membership has two halves')
  if (role.type === 'candidate') {
    // A candidate voted for itself, so for nobody else.
    assert(state.votedFor === state.id, 'a candidate has its own vote')
  }
  if (role.type !== 'leader') return
  // A leader leads its own term, and its no-op is the first entry of it.
  assert(state.leader === state.id, 'a leader knows who leads')
  assert(log.isFirstOfTerm(role.noopIndex, state.term), 'the no-op is the first entry of its term')
  for (const progress of role.progress.values()) {
    // Nobody matches what is not there, and what matches is not sent again.
    assert(progress.matchIndex < progress.nextIndex, 'what matches is not sent again')
    assert(progress.matchIndex <= log.lastIndex, 'nobody has more of this log than its leader')
    assert(progress.nextIndex <= log.lastIndex + 1, 'what comes next is at most the next entry')
  }
  for (const { id } of membership.members) {
    assert(id === state.id || role.progress.has(id), 'every other member is looked after')
  }
}

/** What may change between two looks at the same life of a node. */
export function checkTransition(before: StateSummary, state: RaftState): void {
  const after = summaryOf(state)
  // Terms, commits, applications and snapshots never go back.
  assert(after.term >= before.term, 'the term never falls')
  assert(after.commitIndex >= before.commitIndex, 'the commit index never falls')
  assert(after.appliedIndex >= before.appliedIndex, 'the applied index never falls')
  assert(after.snapshotIndex >= before.snapshotIndex, 'the snapshot index never falls')
  if (after.term !== before.term) return
  // Within a term the vote is given at most once.
  assert(before.votedFor === undefined || after.votedFor === before.votedFor, 'the vote is given once a term')
  // Within a term there is at most one leader.
  assert(
    before.leader === undefined || after.leader === undefined || after.leader === before.leader,
    'a term has one leader',
  )
  // A leader only appends.
  assert(!before.isLeader || !after.isLeader || after.lastIndex >= before.lastIndex, 'a leader only appends')
}
