/** Requests, grants and counts votes (§5.2, §5.4.1) and pre-votes (thesis §9.6). */
import { allVoters, isMember } from '../membership/membership.ts'
import type { PreVoteRequest, PreVoteResponse, RequestVoteRequest, RequestVoteResponse } from '../messages.ts'
import type { RaftState } from '../state.ts'
import type { NodeId } from '../types.ts'
import { send, sendOncePersisted } from './send.ts'
import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate } from './transition.ts'

/** Whether this node may campaign: an electable voter that is not removed and whose disk is not stalled. */
export function canCampaign(state: RaftState): boolean {
  if (!state.isElectable || state.isRemoved) return false
  const since = state.pendingWrites.oldestSince
  return since === undefined || state.now - since < state.options.storageStallMs
}

/** raft.tla Timeout: the election timeout has passed without contact from a leader. */
export function startElection(state: RaftState): void {
  if (!canCampaign(state)) return state.timer.restart(state.now)
  const silentMs = state.now - state.timer.leaderContactAt
  state.outbox.emit({ type: 'electionTimedOut', term: state.term, silentMs })
  if (state.options.preVote) requestPreVotes(state)
  else campaign(state, false)
}

function requestPreVotes(state: RaftState): void {
  becomePreCandidate(state)
  const { index: lastIndex, term: lastTerm } = state.log.last
  for (const to of otherVoters(state)) {
    send(state, to, { type: 'PreVoteRequest', term: state.term + 1, lastIndex, lastTerm })
  }
  countPreVotes(state)
}

/** raft.tla RequestVote. The requests are sent once the new term and the candidate's vote for itself are durable. */
export function campaign(state: RaftState, isTransfer: boolean): void {
  becomeCandidate(state, isTransfer)
  const { index: lastIndex, term: lastTerm } = state.log.last
  for (const to of otherVoters(state)) {
    sendOncePersisted(state, to, { type: 'RequestVoteRequest', term: state.term, lastIndex, lastTerm, isTransfer })
  }
}

function otherVoters(state: RaftState): readonly NodeId[] {
  return allVoters(state.membership).filter((id) => id !== state.id)
}

/** Grants the vote to the first candidate whose log is at least as up-to-date (§5.4.1); once per term, even across restarts. */
export function handleRequestVote(state: RaftState, from: NodeId, message: RequestVoteRequest): void {
  const { term, log, outbox } = state
  const isFree = state.votedFor === undefined ? mayVoteNow(state, message) : state.votedFor === from
  const isGranted = isFree && log.isUpToDate(message.lastIndex, message.lastTerm)
  if (isGranted && state.votedFor === undefined) {
    if (state.role.type === 'pre-candidate') becomeFollower(state, term, undefined, 'higher-term')
    state.votedFor = from
    outbox.isHardStateDirty = true
    outbox.emit({ type: 'voteGranted', term, to: from })
    state.timer.restart(state.now)
  }
  send(state, from, { type: 'RequestVoteResponse', term, isGranted })
}

/**
 * Whether a first vote may be given in this term. A leader holds a lease as long as a quorum has answered it within the shortest election
 * timeout, so no voter elects another leader in that time (thesis §6.4.1): whatever its term, role or knowledge of the leader is now.
 * After TimeoutNow the leader holds no lease.
 */
function mayVoteNow(state: RaftState, { isTransfer }: RequestVoteRequest): boolean {
  return state.leader === undefined && (isTransfer || !state.timer.hasRecentLeaderContact(state.now))
}

/** Grants a pre-vote if this node would vote for the sender: no leader is in contact, the term is new, the log is up-to-date. */
export function handlePreVote(state: RaftState, from: NodeId, message: PreVoteRequest): void {
  const { log } = state
  const hasActiveLeader = state.role.type === 'leader' || state.timer.hasRecentLeaderContact(state.now)
  const isGranted = message.term > state.term && !hasActiveLeader && log.isUpToDate(message.lastIndex, message.lastTerm)
  const committed = state.memberships.at(log.commitIndex).membership
  const isRemoved =
    !isGranted && committed.members.length > 0 && !isMember(committed, from) && !isMember(state.membership, from)
  const term = isGranted ? message.term : state.term
  send(state, from, { type: 'PreVoteResponse', term, isGranted, isRemoved })
}

export function handlePreVoteResponse(state: RaftState, from: NodeId, message: PreVoteResponse): void {
  if (message.isRemoved) state.outbox.emit({ type: 'toldRemoved', by: from })
  if (state.role.type !== 'pre-candidate') return
  state.role.tally.record(from, message.isGranted)
  countPreVotes(state)
}

export function handleRequestVoteResponse(state: RaftState, from: NodeId, message: RequestVoteResponse): void {
  if (state.role.type !== 'candidate') return
  state.role.tally.record(from, message.isGranted)
  countVotes(state)
}

/** Counts the candidate's vote for itself once the write that contains it is durable. */
export function recordSelfVote(state: RaftState, persistedNumber: number): void {
  if (state.role.type !== 'candidate' || persistedNumber < state.role.selfVoteNumber) return
  state.role.tally.record(state.id, true)
  countVotes(state)
}

function countPreVotes(state: RaftState): void {
  if (state.role.type !== 'pre-candidate') return
  if (state.role.tally.result(state.membership) === 'won') campaign(state, false)
}

/** raft.tla BecomeLeader, once the candidate's vote for itself is durable. A lost or split election waits for the next timeout. */
function countVotes(state: RaftState): void {
  if (state.role.type !== 'candidate' || !state.role.tally.hasVoted(state.id)) return
  if (state.role.tally.result(state.membership) === 'won') becomeLeader(state)
}
