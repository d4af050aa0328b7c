/** Membership changes, requested by a caller or made by the leader itself: append, commit, leave a joint membership (§6; thesis §4). */
import { assert } from '../assert.ts'
import type { Rejection } from '../effects.ts'
import type { MembershipChange } from '../inputs.ts'
import { applyChange, leaveJoint, moveMembers, recordLostEntries, recordSeenPeers } from '../membership/change.ts'
import { isJoint, isMember } from '../membership/membership.ts'
import { isQuorum } from '../membership/quorum.ts'
import type { LeaderState, RaftState } from '../state.ts'
import type { LogIndex, Member, Membership, NodeId } from '../types.ts'
import { appendBlock } from './append.ts'
import { hasCommittedInTerm } from './commit.ts'
import { lagMax } from './lag.ts'
import { sendTimeoutNow } from './transfer.ts'
import { becomeFollower, trackMembers } from './transition.ts'

/**
 * Appends the requested membership or rejects the change. One change that has to wait only for the leader's own entries (its no-op,
 * an automatic change) is queued until they are committed, or rejected after `storageStallMs`; a change that would have to wait for another
 * caller is rejected.
 */
export function proposeChange(state: RaftState, leader: LeaderState, request: number, change: MembershipChange): void {
  const rejection = changeRejection(state, leader)
  if (rejection !== undefined) {
    const isTemporary = rejection.reason === 'leader-not-ready' || rejection.reason === 'change-in-progress'
    if (!isTemporary || leader.pendingChange !== undefined || leader.queuedChange !== undefined) {
      return rejectChange(state, request, rejection)
    }
    leader.queuedChange = { request, change, deadline: state.now + state.options.storageStallMs }
    state.outbox.emit({ type: 'changeQueued', request })
    return
  }
  startChange(state, leader, request, change)
}

function startChange(state: RaftState, leader: LeaderState, request: number, change: MembershipChange): void {
  const { index: current } = state.memberships.current
  if (change.ifIndex !== undefined && change.ifIndex !== current)
    return rejectChange(state, request, { reason: 'membership-changed', index: current })
  const lagging = laggingLearner(state, leader, change)
  if (lagging !== undefined) return rejectChange(state, request, lagging)
  const result = applyChange(state.membership, change, state.log.lastIndex + 1)
  if (result.type === 'rejected') return rejectChange(state, request, { reason: 'bad-change', detail: result.detail })
  const problem = quorumProblem(state, leader, result.membership)
  if (problem !== undefined) return rejectChange(state, request, { reason: 'unsafe-change', detail: problem })
  const index = appendMembership(state, leader, result.membership)
  leader.pendingChange = { request }
  state.outbox.settle.push({ type: 'changeAccepted', request, index, term: state.term })
}

function rejectChange(state: RaftState, request: number, rejection: Rejection): void {
  state.outbox.settle.push({ type: 'changeRejected', request, rejection })
}

/** Changes are made one at a time, and none before the leader has committed in its term (thesis §4.1; the latter avoids the bug found in 2015). */
function changeRejection(state: RaftState, leader: LeaderState): Rejection | undefined {
  if (!hasCommittedInTerm(state, leader)) return { reason: 'leader-not-ready' }
  if (leader.transfer !== undefined) return { reason: 'transferring', to: leader.transfer.to }
  const { index, membership } = state.memberships.current
  if (index > state.log.commitIndex || isJoint(membership)) return { reason: 'change-in-progress', index }
  return undefined
}

function laggingLearner(state: RaftState, leader: LeaderState, change: MembershipChange): Rejection | undefined {
  for (const peer of change.promote ?? []) {
    if (!state.membership.learners.includes(peer)) continue
    const progress = leader.progress.get(peer)
    const lag = state.log.lastIndex - (progress?.matchIndex ?? 0)
    const applyLag = progress?.applyLag ?? 0
    if (!isCaughtUp(state, leader, peer)) return { reason: 'learner-not-ready', peer, lag, applyLag }
    if (state.places.isOutOfReach(peer)) return { reason: 'learner-out-of-reach', peer }
  }
  return undefined
}

function isCaughtUp(state: RaftState, leader: LeaderState, peer: NodeId): boolean {
  const progress = leader.progress.get(peer)
  if (progress === undefined || !progress.isReplicating) return false
  if (!isActive(state, leader, peer)) return false
  const lag = Math.max(state.log.lastIndex - progress.matchIndex, progress.applyLag)
  return lag <= lagMax(state, leader)
}

function isActive(state: RaftState, leader: LeaderState, id: NodeId): boolean {
  if (id === state.id) return true
  const progress = leader.progress.get(id)
  return progress?.hasResponded === true && state.now - progress.lastContactAt < state.options.electionTimeoutMaxMs
}

/** A majority of the new voters must be responding right now. */
function quorumProblem(state: RaftState, leader: LeaderState, next: Membership): string | undefined {
  const unreachable = next.voters.filter((id) => !isActive(state, leader, id))
  const after: Membership = { ...next, outgoing: [] }
  if (isQuorum(after, (id) => !unreachable.includes(id))) return undefined
  return `no response from ${unreachable.join(', ')}: the new membership would have no quorum`
}

function appendMembership(state: RaftState, leader: LeaderState, membership: Membership): number {
  assert(membership.voters.length > 0, 'a membership has voters')
  const first = state.log.lastIndex + 1
  appendBlock(state, { first, term: state.term, count: 1, size: 0, kind: 'membership', membership })
  trackMembers(state, leader)
  return first
}

/** Completes the change whose membership is committed: leaves a joint one, settles the caller, steps down if no longer a voter. */
export function finishChanges(state: RaftState, leader: LeaderState): void {
  const { index, membership } = state.memberships.current
  if (index > state.log.commitIndex || !hasCommittedInTerm(state, leader)) return
  if (isJoint(membership)) {
    appendMembership(state, leader, leaveJoint(membership))
    return
  }
  if (leader.pendingChange !== undefined) {
    state.outbox.settle.push({ type: 'changeDone', request: leader.pendingChange.request, index })
    leader.pendingChange = undefined
  }
  if (!membership.voters.includes(state.id)) {
    sendTimeoutNow(state, leader)
    const reason = isMember(membership, state.id) ? 'demoted' : 'removed'
    becomeFollower(state, state.term, undefined, reason)
  }
}

/** Starts the queued change once it no longer has to wait, or rejects it at its deadline. */
export function startQueuedChange(state: RaftState, leader: LeaderState): void {
  const { queuedChange } = leader
  if (queuedChange === undefined) return
  const rejection = changeRejection(state, leader)
  if (rejection !== undefined && state.now < queuedChange.deadline) return
  leader.queuedChange = undefined
  if (rejection !== undefined) return rejectChange(state, queuedChange.request, rejection)
  startChange(state, leader, queuedChange.request, queuedChange.change)
}

/** Makes the leader's own changes: records directory ids at first contact and newer boots, promotes learners that have caught up. */
export function proposeAutomaticChange(state: RaftState, leader: LeaderState): void {
  if (changeRejection(state, leader) !== undefined) return
  const recorded = recordLostEntries(state.membership, (id) => leader.progress.get(id)?.hasLostEntries === true)
  const bound = recordSeenPeers(recorded, state.seenPeers)
  if (bound !== state.membership) {
    appendMembership(state, leader, bound)
    return
  }
  if (recordMoves(state, leader)) return
  if (state.membership.learners.length === 0) return
  const learner = state.membership.members.find(
    ({ id, promote }) =>
      promote &&
      state.membership.learners.includes(id) &&
      isCaughtUp(state, leader, id) &&
      !state.places.isOutOfReach(id),
  )
  if (learner === undefined) return
  const result = applyChange(state.membership, { promote: [learner.id] }, state.log.lastIndex + 1)
  if (result.type === 'changed') appendMembership(state, leader, result.membership)
}

/** Two processes that claim one identity by turns change the membership at most once in this many election timeouts. */
const MOVE_INTERVAL_ELECTION_TIMEOUTS = 10

/** With each heartbeat, records where members are found that are not at their address of record, if that has not changed for an election timeout. */
function recordMoves(state: RaftState, leader: LeaderState): boolean {
  const { membership, now, options, outbox } = state
  if (now < Math.max(leader.nextMoveAt, leader.heartbeatDueAt)) return false
  const since = now - options.electionTimeoutMaxMs
  const moved = moveMembers(membership, (id) => state.places.addressSince(id, since))
  if (moved === membership) return false
  leader.nextMoveAt = now + MOVE_INTERVAL_ELECTION_TIMEOUTS * options.electionTimeoutMaxMs
  for (const [offset, { id, address }] of moved.members.entries()) {
    const from = (membership.members[offset] as Member).address
    if (address !== from) outbox.emit({ type: 'memberMoved', peer: id, from, to: address })
  }
  appendMembership(state, leader, moved)
  return true
}

/** Called when the commit index may have advanced from `before`: reports a committed membership, and whether this node is removed. */
export function onMembershipCommitted(state: RaftState, before: LogIndex): void {
  const { log, memberships, outbox } = state
  const { index, membership } = memberships.at(log.commitIndex)
  if (index <= before) return
  outbox.emit({ type: 'membershipCommitted', index, membership })
  const wasRemoved = memberships.wasRemoved(state.id, log.commitIndex)
  if (wasRemoved && !state.isRemoved) {
    outbox.emit({ type: 'removed', index })
    // Persist the commit index, so that the node still knows its removal after a restart.
    outbox.isHardStateDirty = true
  }
  state.isRemoved = wasRemoved
}
