/** When a leader must go: no quorum is heard (thesis §6.2), or its own disk does not move. */
import { quorumValue } from '../membership/quorum.ts'
import type { LeaderState, RaftState } from '../state.ts'
import type { Instant } from '../types.ts'
import { becomeFollower } from './transition.ts'

/** When a quorum was last heard, as a whole. */
function quorumContactAt(state: RaftState, leader: LeaderState): Instant {
  const contactAt = quorumValue(state.membership, (id) =>
    id === state.id ? state.now : (leader.progress.get(id)?.lastContactAt ?? -Infinity),
  )
  return Math.max(contactAt, leader.quorumCheckStart)
}

/** Whether the leader stays. */
export function stepDownIfNeeded(state: RaftState, leader: LeaderState): boolean {
  const { checkQuorum, electionTimeoutMaxMs } = state.options
  if (isStorageStalled(state)) {
    state.outbox.emit({ type: 'storageStalled', stalledMs: state.now - (state.pendingWrites.oldestSince as Instant) })
    becomeFollower(state, state.term, undefined, 'storage-stalled')
    return false
  }
  if (checkQuorum && state.now - quorumContactAt(state, leader) >= electionTimeoutMaxMs) {
    becomeFollower(state, state.term, undefined, 'lost-quorum')
    return false
  }
  return true
}

function isStorageStalled(state: RaftState): boolean {
  const since = state.pendingWrites.oldestSince
  return since !== undefined && state.now - since >= state.options.storageStallMs
}
