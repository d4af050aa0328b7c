/** What a leader does (Figure 2, "Leaders"): takes answers as they come, and at the end of a step commits, changes, sends. */
import type { Message } from '../messages.ts'
import { handleAppendEntriesResponse, handleInstallSnapshotResponse } from '../rules/append-response.ts'
import { advanceCommitIndex } from '../rules/commit.ts'
import { beginReadRound, confirmReads, handleReadIndex } from '../rules/read-index.ts'
import { finishChanges, proposeAutomaticChange, startQueuedChange } from '../rules/reconfigure.ts'
import { onMembershipCommitted } from '../rules/removal.ts'
import { replicateTo } from '../rules/replicate.ts'
import { stepDownIfNeeded } from '../rules/step-down.ts'
import { continueTransfer } from '../rules/transfer.ts'
import { handleRequestVote } from '../rules/vote.ts'
import type { LeaderState, RaftState } from '../state.ts'
import type { NodeId } from '../types.ts'

export function leaderReceives(state: RaftState, leader: LeaderState, from: NodeId, message: Message): void {
  switch (message.type) {
    case 'AppendEntriesResponse':
      return handleAppendEntriesResponse(state, leader, from, message)
    case 'InstallSnapshotResponse':
      return handleInstallSnapshotResponse(state, leader, from, message)
    case 'ReadIndexRequest':
      return handleReadIndex(state, leader, from, message)
    case 'RequestVoteRequest':
      return handleRequestVote(state, from, message)
    case 'AppendEntriesRequest':
    case 'InstallSnapshotRequest': {
      const detail = `it speaks as the leader of term ${state.term}, which is this node`
      return state.outbox.emit({ type: 'protocolViolation', from, detail })
    }
  }
}

/** The end of a leader's step: what the inputs together allow is decided once, and said once. */
export function finishLeaderStep(state: RaftState, leader: LeaderState): void {
  if (!stepDownIfNeeded(state, leader)) return
  const before = state.log.commitIndex
  if (advanceCommitIndex(state, leader)) onMembershipCommitted(state, before)
  finishChanges(state, leader)
  if (state.role !== leader) return
  startQueuedChange(state, leader)
  proposeAutomaticChange(state, leader)
  const hasReadRound = beginReadRound(state, leader)
  const isHeartbeatDue = state.now >= leader.heartbeatDueAt
  if (isHeartbeatDue && !hasReadRound) leader.rounds.begin(state.now)
  const isDue = isHeartbeatDue || hasReadRound
  if (isDue) leader.heartbeatDueAt = state.now + state.options.heartbeatIntervalMs
  confirmReads(state, leader)
  for (const progress of leader.progress.values()) {
    replicateTo(state, leader, progress, isDue || progress.needsCommitIndex)
  }
  dropRemovedMembers(state, leader)
  continueTransfer(state, leader)
}

/** Who was removed is served until it has been told so, or has had the time. */
function dropRemovedMembers(state: RaftState, leader: LeaderState): void {
  for (const { id, removal, matchIndex, sentCommitIndex } of leader.progress.values()) {
    if (removal === undefined) continue
    const isRemovalKnown = matchIndex >= removal.index && sentCommitIndex >= removal.index
    if (isRemovalKnown || state.now >= removal.deadline) leader.progress.delete(id)
  }
}
