/** Membership changes: asked for, appended, committed, left again if joint; and the leader's own small ones (§6; thesis §4). */
import { assert } from '../assert.ts'
import type { Rejection } from '../effects.ts'
import type { MembershipChange } from '../inputs.ts'
import { bindDirectories, changed, leaveJoint } from '../membership/change.ts'
import { isJoint, isMember } from '../membership/membership.ts'
import { isQuorum } from '../membership/quorum.ts'
import type { LeaderState, RaftState } from '../state.ts'
import type { Membership, NodeId } from '../types.ts'
import { appendBlock } from './append.ts'
import { hasCommittedInTerm } from './commit.ts'
import { orderSuccessor } from './transfer.ts'
import { becomeFollower, trackMembers } from './transition.ts'

/**
 * Appends the membership asked for, or says why not. Never silently. What only has to wait for the leader's own doings (its no-op, a
 * change it makes unasked) is held until they are committed; what would have to wait for another caller is refused.
 */
export function proposeChange(state: RaftState, leader: LeaderState, request: number, change: MembershipChange): void {
  const refusal = refusalOf(state, leader)
  if (refusal !== undefined) {
    const isOwn = refusal.reason === 'leader-not-ready' || refusal.reason === 'change-in-progress'
    if (!isOwn || leader.change !== undefined || leader.heldChange !== undefined) {
      return rejectChange(state, request, refusal)
    }
    leader.heldChange = { request, change }
    return
  }
  beginChange(state, leader, request, change)
}

function beginChange(state: RaftState, leader: LeaderState, request: number, change: MembershipChange): void {
  const lagging = laggingLearner(state, leader, change)
  if (lagging !== undefined) return rejectChange(state, request, lagging)
  const result = changed(state.membership, change, state.log.lastIndex + 1)
  if (result.type === 'refused') return rejectChange(state, request, { reason: 'bad-change', detail: result.detail })
  const danger = dangerOf(state, leader, result.membership)
  if (danger !== undefined) return rejectChange(state, request, { reason: 'unsafe-change', detail: danger })
  const index = appendMembership(state, leader, result.membership)
  leader.change = { request }
  state.outbox.settle.push({ type: 'changeAccepted', request, index, term: state.term })
}

function rejectChange(state: RaftState, request: number, rejection: Rejection): void {
  state.outbox.settle.push({ type: 'changeRejected', request, rejection })
}

/** One at a time, and none before this term has committed (the bug of 2015 in the thesis). */
function refusalOf(state: RaftState, leader: LeaderState): Rejection | undefined {
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
    if (!isCaughtUp(state, leader, peer)) return { reason: 'learner-not-ready', peer, lag }
  }
  return undefined
}

function isCaughtUp(state: RaftState, leader: LeaderState, peer: NodeId): boolean {
  const progress = leader.progress.get(peer)
  if (progress === undefined || !progress.isCaughtUp) return false
  if (!isActive(state, leader, peer)) return false
  return state.log.lastIndex - progress.matchIndex <= state.options.caughtUpEntries
}

function isActive(state: RaftState, leader: LeaderState, id: NodeId): boolean {
  if (id === state.id) return true
  const progress = leader.progress.get(id)
  return progress?.hasBeenHeard === true && state.now - progress.heardAt < state.options.electionTimeoutMaxMs
}

/** The new voters must be able to decide: a majority of them is heard right now. */
function dangerOf(state: RaftState, leader: LeaderState, next: Membership): string | undefined {
  const silent = next.voters.filter((id) => !isActive(state, leader, id))
  const after: Membership = { ...next, outgoing: [] }
  if (isQuorum(after, (id) => !silent.includes(id))) return undefined
  return `of its voters ${next.voters.join(', ')} these are not heard: ${silent.join(', ')}; there would be no quorum`
}

function appendMembership(state: RaftState, leader: LeaderState, membership: Membership): number {
  assert(membership.voters.length > 0, 'somebody votes')
  const first = state.log.lastIndex + 1
  appendBlock(state, { first, term: state.term, count: 1, size: 0, kind: 'membership', membership })
  trackMembers(state, leader)
  return first
}

/** After the commit index rose: says what is settled, leaves a joint membership, and goes if no longer wanted. */
export function finishChanges(state: RaftState, leader: LeaderState): void {
  const { index, membership } = state.memberships.current
  if (index > state.log.commitIndex || !hasCommittedInTerm(state, leader)) return
  if (isJoint(membership)) {
    appendMembership(state, leader, leaveJoint(membership))
    return
  }
  if (leader.change !== undefined) {
    state.outbox.settle.push({ type: 'changeDone', request: leader.change.request, index })
    leader.change = undefined
  }
  if (!membership.voters.includes(state.id)) {
    orderSuccessor(state, leader)
    const reason = isMember(membership, state.id) ? 'demoted' : 'removed'
    becomeFollower(state, state.term, undefined, reason)
  }
}

/** The change that was held, if it need not wait any more. */
export function beginHeldChange(state: RaftState, leader: LeaderState): void {
  const { heldChange } = leader
  if (heldChange === undefined || refusalOf(state, leader) !== undefined) return
  leader.heldChange = undefined
  beginChange(state, leader, heldChange.request, heldChange.change)
}

/** What the leader changes unasked: binds directory ids at first contact, promotes learners that have caught up. */
export function changeUnasked(state: RaftState, leader: LeaderState): void {
  if (refusalOf(state, leader) !== undefined) return
  const bound = bindDirectories(state.membership, state.seenDirectories)
  if (bound !== state.membership) {
    appendMembership(state, leader, bound)
    return
  }
  const ready = state.membership.members.find(
    ({ id, promote }) => promote && state.membership.learners.includes(id) && isCaughtUp(state, leader, id),
  )
  if (ready === undefined) return
  const result = changed(state.membership, { promote: [ready.id] }, state.log.lastIndex + 1)
  if (result.type === 'changed') appendMembership(state, leader, result.membership)
}
