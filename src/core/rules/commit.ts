/** Commits entries that are durable on a quorum, if the last one is of the leader's term (§5.3, §5.4.2; raft.tla AdvanceCommitIndex). */
import { quorumValue } from '../membership/quorum.ts'
import type { LeaderState, RaftState } from '../state.ts'

/** Returns whether the commit index advanced. The leader's own disk counts like a follower's acknowledgement (thesis §10.2.1). */
export function advanceCommitIndex(state: RaftState, leader: LeaderState): boolean {
  const { log } = state
  if (log.commitIndex === log.lastIndex) return false
  const reached = quorumValue(state.membership, (id) =>
    id === state.id ? log.persistedIndex : (leader.progress.get(id)?.matchIndex ?? 0),
  )
  if (reached <= log.commitIndex || log.termAt(reached) !== state.term) return false
  log.commitTo(reached)
  return true
}

/** Whether the leader has committed an entry of its term, and so knows which entries are committed (§8, thesis §6.4). */
export function hasCommittedInTerm(state: RaftState, leader: LeaderState): boolean {
  return state.log.commitIndex >= leader.noopIndex
}
