/** Makes a leader step down if it has lost contact with a quorum (thesis §6.2) or if its own disk has stalled. */
import { quorumValue } from '../membership/quorum.ts'
import type { LeaderState, RaftState } from '../state.ts'
import type { Instant } from '../types.ts'
import { becomeFollower } from './transition.ts'

/** The latest instant since which every voter of some quorum has responded. */
function quorumContactAt(state: RaftState, leader: LeaderState): Instant {
  const contactAt = quorumValue(state.membership, (id) =>
    id === state.id ? state.now : (leader.progress.get(id)?.lastContactAt ?? -Infinity),
  )
  return Math.max(contactAt, leader.quorumCheckStart)
}

/** Returns whether the leader stepped down. */
export function stepDownIfNeeded(state: RaftState, leader: LeaderState): boolean {
  const { checkQuorum, electionTimeoutMaxMs } = state.options
  if (isStorageStalled(state)) {
    state.outbox.emit({ type: 'storageStalled', stalledMs: state.now - (state.pendingWrites.oldestSince as Instant) })
    becomeFollower(state, state.term, undefined, 'storage-stalled')
    return true
  }
  if (checkQuorum && state.now - quorumContactAt(state, leader) >= electionTimeoutMaxMs) {
    becomeFollower(state, state.term, undefined, 'lost-quorum')
    return true
  }
  return false
}

function isStorageStalled(state: RaftState): boolean {
  const since = state.pendingWrites.oldestSince
  return since !== undefined && state.now - since >= state.options.storageStallMs
}
