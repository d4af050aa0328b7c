/** When a leader may call entries committed: a quorum has them durably, and the last is of its own term (§5.3, §5.4.2; raft.tla AdvanceCommitIndex). */
import { quorumValue } from '../membership/quorum.ts'
import type { LeaderState, RaftState } from '../state.ts'

/** Whether the commit index rose. The leader's own disk is one more acknowledgement, nothing special. */
export function advanceCommitIndex(state: RaftState, leader: LeaderState): boolean {
  const { log } = state
  const reached = quorumValue(state.membership, (id) =>
    id === state.id ? log.persistedIndex : (leader.progress.get(id)?.matchIndex ?? 0),
  )
  if (reached <= log.commitIndex || log.termAt(reached) !== state.term) return false
  log.commitTo(reached)
  return true
}

/** Whether an entry of its own term is committed, so that the leader knows all that is (§8, thesis §6.4). */
export function hasCommittedInTerm(state: RaftState, leader: LeaderState): boolean {
  return state.log.commitIndex >= leader.noopIndex
}
