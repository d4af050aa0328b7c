/** Forwards proposals from a follower to the leader, which answers where it has appended them. A forwarded proposal is never forwarded again. */
import type { Rejection } from '../effects.ts'
import type { ForwardedProposal } from '../forwarding/forwarded-proposals.ts'
import type { ProposeRequest, ProposeResponse } from '../messages.ts'
import type { LeaderState, RaftState } from '../state.ts'
import type { NodeId } from '../types.ts'
import { appendProposal, type Proposal } from './propose.ts'
import { send } from './send.ts'

/** Forwards a proposal on a follower to the leader. If it cannot, the proposal is certainly not applied. */
export function forwardProposal(state: RaftState, input: Proposal): void {
  const { outbox, forwardedProposals, now, options } = state
  const { proposal } = input
  const rejection = rejectionOf(state, input.size)
  if (rejection !== undefined) {
    outbox.settle.push({ type: 'rejected', proposal, rejection })
    return
  }
  sendProposal(state, forwardedProposals.add(input), input)
  forwardedProposals.resendAt = Math.min(forwardedProposals.resendAt, now + options.electionTimeoutMinMs)
}

function rejectionOf(state: RaftState, size: number): Rejection | undefined {
  const { leader, features, forwardedProposals, options } = state
  if (leader === undefined) return { reason: 'no-leader', leader }
  const supported = features.get(leader)
  if (supported === undefined) return { reason: 'leader-unreachable', leader }
  if (!supported.takesProposals) return { reason: 'not-leader', leader }
  const { window, bytes } = forwardedProposals
  const { forwardedProposalsMax, forwardedBytesMax } = options
  if (window >= forwardedProposalsMax)
    return { reason: 'overloaded', limit: 'forwardedProposalsMax', value: window, max: forwardedProposalsMax }
  if (bytes > 0 && bytes + size > forwardedBytesMax)
    return { reason: 'overloaded', limit: 'forwardedBytesMax', value: bytes, max: forwardedBytesMax }
  return undefined
}

/** A message or its response may be lost. The leader recognises a repeated message, so sending it again is safe within its term. */
export function resendProposals(state: RaftState): void {
  const { forwardedProposals, now, options } = state
  if (now < forwardedProposals.resendAt) return
  for (const [ticket, proposal] of forwardedProposals.pending()) sendProposal(state, ticket, proposal)
  forwardedProposals.resendAt = now + options.electionTimeoutMinMs
}

function sendProposal(state: RaftState, ticket: number, proposal: ForwardedProposal): void {
  const { term, leader, forwardedProposals } = state
  const { origin, lowest } = forwardedProposals
  const { count, size, checksum, payload } = proposal
  if (leader === undefined) return
  send(state, leader, { type: 'ProposeRequest', term, origin, ticket, lowest, count, size, checksum, payload })
}

/** Appends a forwarded proposal, once, however often its message arrives. */
export function handleProposal(state: RaftState, leader: LeaderState, from: NodeId, message: ProposeRequest): void {
  const { shortage, options } = state
  let result = leader.forwards.find(from, message, options.forwardedProposalsMax)
  if (result === 'passed') return
  // Its commands can be sent to this node directly.
  if (result === 'full') result = { rejection: { reason: 'not-leader', leader: state.id } }
  if (result === 'new') {
    result =
      shortage === undefined
        ? appendProposal(state, leader, message)
        : { rejection: { reason: 'no-space', ...shortage } }
    leader.forwards.record(from, message, result)
    const progress = leader.progress.get(from)
    if (progress !== undefined) progress.forwardedIndex = state.log.lastIndex
  }
  answer(state, from, message, result)
}

function answer(
  state: RaftState,
  to: NodeId,
  { origin, ticket }: ProposeRequest,
  { first, rejection }: Partial<Pick<ProposeResponse, 'first' | 'rejection'>>,
): void {
  send(state, to, { type: 'ProposeResponse', term: state.term, origin, ticket, first, rejection })
}

/**
 * Refuses a forwarded proposal on a node that does not lead. A node that voted for itself in this term may have led it and may have appended
 * an earlier copy of the message, before it stepped down or restarted: it answers that the outcome is unknown.
 */
export function refuseProposal(state: RaftState, from: NodeId, message: ProposeRequest): void {
  const { leader, votedFor, id } = state
  answer(state, from, message, votedFor === id ? {} : { rejection: { reason: 'not-leader', leader } })
}

export function handleProposeResponse(state: RaftState, message: ProposeResponse): void {
  const { origin, ticket, first, rejection, term } = message
  const proposal = state.forwardedProposals.take(origin, ticket)
  if (proposal === undefined) return
  const { settle } = state.outbox
  if (rejection !== undefined) settle.push({ type: 'rejected', proposal, rejection })
  // An entry that is already passed on to the state machine has no caller who waits for its result.
  else if (first === undefined || first <= state.log.applyingIndex)
    settle.push({ type: 'proposalUnknown', proposal, leader: state.leader })
  else settle.push({ type: 'accepted', proposal, first, term })
}
