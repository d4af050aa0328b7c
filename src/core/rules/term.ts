/** The rule that stands before every other: a higher term makes a follower, a lower one is stale (§5.1; raft.tla UpdateTerm, DropStaleResponse). */
import type { Message } from '../messages.ts'
import type { RaftState } from '../state.ts'
import type { NodeId } from '../types.ts'
import { send } from './send.ts'
import { becomeFollower } from './transition.ts'

/** Whether the message may be looked at. If not, it has been answered or dropped. */
export function checkTerm(state: RaftState, from: NodeId, message: Message): boolean {
  switch (message.type) {
    // These name a term nobody is in yet: they change no one's.
    case 'PreVoteRequest':
      return true
    case 'PreVoteResponse':
      if (message.isGranted) return message.term === state.term + 1
      break
    case 'RequestVoteRequest':
      if (message.term > state.term && !message.isTransfer && sticksToLeader(state)) return false
      break
  }
  if (message.term > state.term) {
    updateTerm(state, from, message)
    return true
  }
  if (message.term < state.term) {
    rejectStale(state, from, message)
    return false
  }
  return true
}

/** raft.tla UpdateTerm: the term rises, the vote is free again, and only who speaks as a leader is known to lead. */
function updateTerm(state: RaftState, from: NodeId, message: Message): void {
  const isFromLeader =
    message.type === 'AppendEntriesRequest' ||
    message.type === 'InstallSnapshotRequest' ||
    message.type === 'TimeoutNow'
  becomeFollower(state, message.term, isFromLeader ? from : undefined, 'higher-term')
}

/** Thesis §4.2.3: while a leader is heard, or while this node leads with a quorum, no other candidate is listened to. */
function sticksToLeader(state: RaftState): boolean {
  if (state.role.type === 'leader') return state.options.checkQuorum
  return state.leader !== undefined && state.timer.hasRecentLeaderContact(state.now)
}

/**
 * A stale request is refused with the newer term, so that its sender learns of it; a stale response is dropped. The refusal echoes
 * nothing of the request: its sender may lead again by the time it arrives, and must not take it for an answer of that term.
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
        ...zeros,
      })
    case 'InstallSnapshotRequest':
      return send(state, to, { type: 'InstallSnapshotResponse', term, outcome: 'fetching', ...zeros })
    case 'ReadIndexRequest':
      return send(state, to, { type: 'ReadIndexResponse', term, read: message.read, index: undefined })
  }
}
