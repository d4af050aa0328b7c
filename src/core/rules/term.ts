/** Checks the term of every message: a higher one makes this node a follower, a lower one is stale (§5.1; raft.tla UpdateTerm). */
import type { Message } from '../messages.ts'
import type { RaftState } from '../state.ts'
import type { NodeId } from '../types.ts'
import { send } from './send.ts'
import { becomeFollower } from './transition.ts'

/** Returns whether to process the message. If not, it has been answered or dropped. */
export function checkTerm(state: RaftState, from: NodeId, message: Message): boolean {
  switch (message.type) {
    // Pre-votes carry the term of a possible election, so they do not change the current term.
    case 'PreVoteRequest':
      return true
    case 'PreVoteResponse':
      if (message.isGranted) return message.term === state.term + 1
      break
    case 'RequestVoteRequest':
      if (message.term > state.term && !message.isTransfer && sticksToLeader(state)) return false
      break
  }
  if (message.term > state.term) return updateTerm(state, from, message)
  if (message.term < state.term) {
    rejectStale(state, from, message)
    return false
  }
  return true
}

/**
 * raft.tla UpdateTerm: adopts the higher term. The sender is its leader if the message can only come from a leader. A term beyond the
 * allowance is approached in steps: adopting a term in between is always safe, and the message is dropped until this node has reached its term.
 */
function updateTerm(state: RaftState, from: NodeId, message: Message): boolean {
  const raise = state.termAllowance.take(state.now, message.term - state.term)
  const term = state.term + raise
  if (term < message.term) {
    state.outbox.emit({ type: 'termJumpLimited', from, claimed: message.term, term })
    if (raise > 0) becomeFollower(state, term, undefined, 'higher-term')
    return false
  }
  const isFromLeader =
    message.type === 'AppendEntriesRequest' ||
    message.type === 'InstallSnapshotRequest' ||
    message.type === 'TimeoutNow'
  becomeFollower(state, term, isFromLeader ? from : undefined, 'higher-term')
  return true
}

/** Leader stickiness: ignores candidates while a leader is in contact or this node leads with a quorum (thesis §4.2.3). */
function sticksToLeader(state: RaftState): boolean {
  if (state.role.type === 'leader') return state.options.checkQuorum
  return state.timer.hasRecentLeaderContact(state.now)
}

/**
 * Rejects a stale request with the current term and drops a stale response (raft.tla DropStaleResponse). The rejection echoes
 * nothing of the request: its sender may lead a later term when it arrives, and must not take it for a response to that term.
 */
function rejectStale(state: RaftState, to: NodeId, message: Message): void {
  const { term } = state
  const zeros = { index: 0, round: 0, session: 0 }
  switch (message.type) {
    case 'RequestVoteRequest':
      return send(state, to, { type: 'RequestVoteResponse', term, isGranted: false })
    case 'AppendEntriesRequest':
      return send(state, to, {
        type: 'AppendEntriesResponse',
        term,
        isAccepted: false,
        hintIndex: 0,
        hintTerm: 0,
        chain: undefined,
        ...zeros,
      })
    case 'InstallSnapshotRequest':
      return send(state, to, { type: 'InstallSnapshotResponse', term, outcome: 'fetching', ...zeros })
    case 'ReadIndexRequest':
      return send(state, to, { type: 'ReadIndexResponse', term, read: message.read, index: undefined })
  }
}
