/** The role transitions, and the table of legal ones. */
import { assert } from '../assert.ts'
import { VoteTally } from '../election/vote-tally.ts'
import type { StepDownReason } from '../events.ts'
import { ForwardRecords } from '../forwarding/forward-records.ts'
import { allVoters } from '../membership/membership.ts'
import { HeartbeatRounds } from '../reads/heartbeat-rounds.ts'
import { ReadQueue } from '../reads/read-queue.ts'
import { Progress } from '../replication/progress.ts'
import { RecentEntries } from '../replication/recent-entries.ts'
import type { LeaderState, RaftState, RoleState } from '../state.ts'
import type { Role } from '../status.ts'
import type { NodeId, Term } from '../types.ts'
import { appendBlock } from './append.ts'

/** The roles that may follow each role (Figure 4, with the pre-candidate of thesis §9.6). */
export const LEGAL_TRANSITIONS: Readonly<Record<Role, readonly Role[]>> = {
  follower: ['follower', 'pre-candidate', 'candidate'],
  'pre-candidate': ['follower', 'pre-candidate', 'candidate'],
  candidate: ['follower', 'pre-candidate', 'candidate', 'leader'],
  leader: ['follower'],
}

function setRole(state: RaftState, role: RoleState): void {
  assert(LEGAL_TRANSITIONS[state.role.type].includes(role.type), `a ${state.role.type} may become a ${role.type}`)
  state.role = role
}

/** Called for a higher term, a discovered leader, or a step-down. `reason` matters only if this node is the leader. */
export function becomeFollower(state: RaftState, term: Term, leader: NodeId | undefined, reason: StepDownReason): void {
  assert(term >= state.term, 'the term never decreases')
  const { role, outbox } = state
  if (role.type === 'leader') settleOnStepDown(state, role, reason)
  if (role.type !== 'follower') {
    setRole(state, { type: 'follower' })
    outbox.emit({ type: 'becameFollower', term })
    state.timer.restart(state.now)
  }
  if (term > state.term) {
    state.term = term
    state.votedFor = undefined
    outbox.isHardStateDirty = true
    outbox.emit({ type: 'termChanged', term })
    setLeader(state, undefined)
  }
  setLeader(state, leader)
}

/** Settles every pending request when the leader steps down. */
function settleOnStepDown(state: RaftState, role: LeaderState, reason: StepDownReason): void {
  const { outbox } = state
  const rejection = { reason: 'leadership-lost', leader: undefined } as const
  outbox.emit({ type: 'steppedDown', term: state.term, reason })
  for (const { from, read } of role.reads.drain()) {
    if (from !== undefined) continue // The follower times out, or rejects the read when it learns of the next leader.
    outbox.rejectRead(read, rejection)
  }
  if (role.pendingChange !== undefined) {
    outbox.settle.push({ type: 'changeUnknown', request: role.pendingChange.request, leader: undefined })
  }
  if (role.queuedChange !== undefined) {
    outbox.settle.push({ type: 'changeRejected', request: role.queuedChange.request, rejection })
  }
  if (role.transfer !== undefined) {
    const { request, to, isTimeoutNowSent } = role.transfer
    const isDone = role.hasSentTimeoutNow && reason === 'higher-term'
    if (isDone) outbox.settle.push({ type: 'transferred', request, leader: undefined })
    else if (isTimeoutNowSent) outbox.settle.push({ type: 'transferUnknown', request, to })
    else outbox.rejectTransfer(request, rejection)
  }
}

export function setLeader(state: RaftState, leader: NodeId | undefined): void {
  if (state.leader === leader) return
  state.leader = leader
  state.outbox.emit({ type: 'leaderChanged', term: state.term, leader })
  for (const read of state.forwardedReads.drain()) state.outbox.rejectRead(read, { reason: 'leadership-lost', leader })
  for (const proposal of state.forwardedProposals.drain())
    state.outbox.settle.push({ type: 'proposalUnknown', proposal, leader })
}

/** Starts a pre-vote, which changes neither term nor vote (thesis §9.6). */
export function becomePreCandidate(state: RaftState): void {
  const tally = new VoteTally()
  tally.record(state.id, true)
  setRole(state, { type: 'pre-candidate', tally })
  setLeader(state, undefined)
  state.timer.restart(state.now)
  state.outbox.emit({ type: 'preVoteStarted', term: state.term + 1 })
}

/** Starts an election: increments the term and votes for itself (§5.2). The vote counts once it is durable. */
export function becomeCandidate(state: RaftState, isTransfer: boolean): void {
  state.term++
  state.votedFor = state.id
  state.outbox.isHardStateDirty = true
  setRole(state, { type: 'candidate', tally: new VoteTally(), selfVoteNumber: state.pendingWrites.lastNumber + 1 })
  setLeader(state, undefined)
  state.timer.restart(state.now)
  state.outbox.emit({ type: 'termChanged', term: state.term })
  state.outbox.emit({ type: 'campaignStarted', term: state.term, isTransfer })
}

/** Becomes leader, with no knowledge of the followers' logs, and appends a no-op to commit entries of earlier terms (§5.2, §8). */
export function becomeLeader(state: RaftState): void {
  const noopIndex = state.log.lastIndex + 1
  const leader: LeaderState = {
    type: 'leader',
    noopIndex,
    forwards: new ForwardRecords(),
    progress: new Map(),
    rounds: new HeartbeatRounds(),
    reads: new ReadQueue(),
    recent: new RecentEntries(),
    heartbeatDueAt: state.now,
    quorumCheckStart: state.now,
    transfer: undefined,
    hasSentTimeoutNow: false,
    pendingChange: undefined,
    queuedChange: undefined,
    nextMoveAt: state.now,
  }
  setRole(state, leader)
  // A leader has all committed entries (Leader Completeness), so a snapshot of an earlier leader must not replace its log.
  state.snapshotFetch = undefined
  setLeader(state, state.id)
  trackMembers(state, leader)
  appendBlock(state, { first: noopIndex, term: state.term, count: 1, size: 0, kind: 'noop' })
  state.outbox.emit({ type: 'becameLeader', term: state.term, noopIndex })
}

/** Updates the progress map to the membership in force. Removed members stay in it for a while, to receive their removal. */
export function trackMembers(state: RaftState, leader: LeaderState): void {
  const { index, membership } = state.memberships.current
  for (const { id, addedAt, hasLostEntries } of membership.members) {
    if (id === state.id) continue
    const known = leader.progress.get(id)
    if (known !== undefined && known.session === addedAt) known.removal = undefined
    else leader.progress.set(id, new Progress(id, addedAt, state.log.lastIndex + 1, state.options, state.now))
    if (hasLostEntries === true) leader.progress.get(id)?.distrust()
  }
  const tracked = new Set([...membership.members.map(({ id }) => id), ...allVoters(membership)])
  for (const progress of leader.progress.values()) {
    if (tracked.has(progress.id) || progress.removal !== undefined) continue
    progress.removal = { index, deadline: state.now + state.options.electionTimeoutMaxMs }
  }
}
