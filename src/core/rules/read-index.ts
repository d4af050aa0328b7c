/** Linearizable reads on any node (thesis §6.4): a read index, confirmed by a heartbeat round or by the lease. */
import { isOnlyVoter, quorumValue } from '../membership/quorum.ts'
import type { ReadIndexRequest, ReadIndexResponse } from '../messages.ts'
import type { PendingRead } from '../reads/read-queue.ts'
import type { LeaderState, RaftState } from '../state.ts'
import type { Instant, LogIndex, NodeId } from '../types.ts'
import { hasCommittedInTerm } from './commit.ts'
import { beginRound } from './lost-entries.ts'
import { send } from './send.ts'

/** Serves a read on the leader, its own or one forwarded by a follower. */
export function readOnLeader(state: RaftState, leader: LeaderState, read: PendingRead, mode: 'quorum' | 'lease'): void {
  if (leader.reads.length >= state.options.pendingReadsMax) return rejectOverloaded(state, read, leader.reads.length)
  if (!hasCommittedInTerm(state, leader)) return leader.reads.hold(read)
  if (mode === 'lease' && hasLease(state, leader)) return completeRead(state, read, state.log.commitIndex)
  leader.reads.add(read)
}

/** Forwards a read on a follower to the leader. */
export function forwardRead(state: RaftState, read: number): void {
  const { leader, outbox, forwardedReads, options } = state
  if (leader === undefined) {
    outbox.rejectRead(read, { reason: 'no-leader', leader })
  } else if (forwardedReads.length >= options.pendingReadsMax) {
    rejectOverloaded(state, { from: undefined, read }, forwardedReads.length)
  } else {
    const ticket = forwardedReads.add(read, state.now + options.readTimeoutMs)
    send(state, leader, { type: 'ReadIndexRequest', term: state.term, read: ticket })
  }
}

export function handleReadIndex(state: RaftState, leader: LeaderState, from: NodeId, message: ReadIndexRequest): void {
  readOnLeader(state, leader, { from, read: message.read }, 'quorum')
}

export function handleReadIndexResponse(state: RaftState, message: ReadIndexResponse): void {
  const { read: ticket, index } = message
  const read = state.forwardedReads.take(ticket)
  if (read === undefined) return
  if (index !== undefined) state.outbox.settle.push({ type: 'readReady', read, index })
  else state.outbox.rejectRead(read, { reason: 'leadership-lost', leader: state.leader })
}

export function expireForwardedReads(state: RaftState): void {
  for (const read of state.forwardedReads.takeExpired(state.now)) state.outbox.rejectRead(read, { reason: 'timed-out' })
}

/** Starts a heartbeat round for new reads, if any; the messages created after this carry it. Returns whether it did. */
export function beginReadRound(state: RaftState, leader: LeaderState): boolean {
  if (hasCommittedInTerm(state, leader)) leader.reads.releaseHeld()
  if (!leader.reads.needsRound) return false
  leader.reads.beginRound(beginRound(state, leader), state.log.commitIndex)
  return true
}

/** Completes the reads whose round a quorum has answered. */
export function confirmReads(state: RaftState, leader: LeaderState): void {
  if (!leader.reads.awaitsRound) return
  for (const read of leader.reads.confirmed(confirmedRound(state, leader))) {
    completeRead(state, read, read.index)
    const progress = read.from === undefined ? undefined : leader.progress.get(read.from)
    if (progress !== undefined && progress.sentCommitIndex < read.index) progress.needsCommitIndex = true
  }
}

/** The latest round that a quorum has answered. The leader counts only if it is a voter. */
function confirmedRound(state: RaftState, leader: LeaderState): number {
  return quorumValue(state.membership, (id) =>
    id === state.id ? leader.rounds.current : (leader.progress.get(id)?.ackedRound ?? 0),
  )
}

/**
 * Whether the leader holds a lease (thesis §6.4.1): no other leader can be elected within an election timeout of the start of a
 * round that a quorum answered. `clockDriftMax` allows for the slowest clock. There is no lease after TimeoutNow, because its
 * receiver campaigns without waiting for a timeout.
 */
function hasLease(state: RaftState, leader: LeaderState): boolean {
  if (!state.options.leaseReads || leader.hasSentTimeoutNow || leader.transfer !== undefined) return false
  const { electionTimeoutMinMs, clockDriftMax } = state.options
  const sentAt: Instant = leader.rounds.sentAt(confirmedRound(state, leader))
  return isOnlyVoter(state) || state.now < sentAt + electionTimeoutMinMs * (1 - clockDriftMax)
}

function completeRead(state: RaftState, { from, read }: PendingRead, index: LogIndex): void {
  if (from === undefined) state.outbox.settle.push({ type: 'readReady', read, index })
  else state.outbox.sendNow(from, { type: 'ReadIndexResponse', term: state.term, read, index })
}

function rejectOverloaded(state: RaftState, { from, read }: PendingRead, pending: number): void {
  if (from !== undefined) {
    return state.outbox.sendNow(from, { type: 'ReadIndexResponse', term: state.term, read, index: undefined })
  }
  const max = state.options.pendingReadsMax
  state.outbox.rejectRead(read, { reason: 'overloaded', limit: 'pendingReadsMax', value: pending, max })
}
