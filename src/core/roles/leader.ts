/** How a leader handles messages and ends a step: it commits, changes the membership and sends (Figure 2, "Leaders"). */
import type { Message } from '../messages.ts'
import { handleAppendEntriesResponse, handleInstallSnapshotResponse } from '../rules/append-response.ts'
import { advanceCommitIndex } from '../rules/commit.ts'
import { handleProposal } from '../rules/forward.ts'
import { beginRound } from '../rules/lost-entries.ts'
import { beginReadRound, confirmReads, handleReadIndex } from '../rules/read-index.ts'
import {
  finishChanges,
  onMembershipCommitted,
  proposeAutomaticChange,
  startQueuedChange,
} from '../rules/reconfigure.ts'
import { replicateTo } from '../rules/replicate.ts'
import { stepDownIfNeeded } from '../rules/step-down.ts'
import { continueTransfer } from '../rules/transfer.ts'
import { reportViolation } from '../rules/violation.ts'
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
    case 'ProposeRequest':
      return handleProposal(state, leader, from, message)
    case 'RequestVoteRequest':
      return handleRequestVote(state, from, message)
    case 'AppendEntriesRequest':
    case 'InstallSnapshotRequest': {
      return reportViolation(state, from, `the sender claims to lead term ${state.term}, whose leader is this node`)
    }
  }
}

/** Ends a leader's step. Commits, changes and sends once for all inputs of the step, which batches the messages. */
export function finishLeaderStep(state: RaftState, leader: LeaderState): void {
  if (stepDownIfNeeded(state, leader)) return
  const before = state.log.commitIndex
  leader.recent.advance(state.now, state.log.lastIndex, state.options.heartbeatIntervalMs)
  if (advanceCommitIndex(state, leader)) onMembershipCommitted(state, before)
  finishChanges(state, leader)
  if (state.role !== leader) return
  startQueuedChange(state, leader)
  proposeAutomaticChange(state, leader)
  const hasReadRound = beginReadRound(state, leader)
  const isHeartbeatDue = state.now >= leader.heartbeatDueAt
  if (isHeartbeatDue && !hasReadRound) beginRound(state, leader)
  const hasNewRound = isHeartbeatDue || hasReadRound
  if (hasNewRound) leader.heartbeatDueAt = state.now + state.options.heartbeatIntervalMs
  confirmReads(state, leader)
  for (const progress of leader.progress.values()) {
    if (progress.sentCommitIndex < Math.min(progress.forwardedIndex, state.log.commitIndex))
      progress.needsCommitIndex ||= progress.state.type === 'replicate'
    replicateTo(state, leader, progress, hasNewRound || progress.needsCommitIndex)
  }
  dropRemovedMembers(state, leader)
  continueTransfer(state, leader)
}

/** Drops removed members that have received the commit index of their removal, or whose deadline has passed. */
function dropRemovedMembers(state: RaftState, leader: LeaderState): void {
  for (const { id, removal, matchIndex, sentCommitIndex } of leader.progress.values()) {
    if (removal === undefined) continue
    const isRemovalKnown = matchIndex >= removal.index && sentCommitIndex >= removal.index
    if (isRemovalKnown || state.now >= removal.deadline) leader.progress.delete(id)
  }
}
