/** Every change of role, in one place, with the table of those that are legal. */
import { assert } from '../assert.ts'
import { VoteTally } from '../election/vote-tally.ts'
import type { StepDownReason } from '../events.ts'
import { allVoters } from '../membership/membership.ts'
import { HeartbeatRounds } from '../reads/heartbeat-rounds.ts'
import { ReadQueue } from '../reads/read-queue.ts'
import { Progress } from '../replication/progress.ts'
import type { LeaderState, RaftState, RoleState } from '../state.ts'
import type { Role } from '../status.ts'
import type { NodeId, Term } from '../types.ts'
import { appendBlock } from './append.ts'

/** From each role, where one may go (Figure 4, with the pre-candidate of thesis §9.6). */
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

/** In a new term, or under a leader found, or out of office. */
export function becomeFollower(state: RaftState, term: Term, leader: NodeId | undefined, reason: StepDownReason): void {
  assert(term >= state.term, 'the term never falls')
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

/** Every caller of a leader that is one no more is told: nobody hangs. */
function settleOnStepDown(state: RaftState, role: LeaderState, reason: StepDownReason): void {
  const { outbox } = state
  outbox.emit({ type: 'steppedDown', term: state.term, reason })
  for (const { from, read } of role.reads.drain()) {
    if (from !== undefined) continue // A follower asks the next leader, or gives up, by itself.
    outbox.settle.push({ type: 'readRejected', read, rejection: { reason: 'leadership-lost', leader: undefined } })
  }
  if (role.pendingChange !== undefined) {
    outbox.settle.push({ type: 'changeUnknown', request: role.pendingChange.request, leader: undefined })
  }
  if (role.queuedChange !== undefined) {
    const rejection = { reason: 'leadership-lost', leader: undefined } as const
    outbox.settle.push({ type: 'changeRejected', request: role.queuedChange.request, rejection })
  }
  if (role.transfer !== undefined) {
    const { request } = role.transfer
    const isDone = role.hasSentTimeoutNow && reason === 'higher-term'
    if (isDone) outbox.settle.push({ type: 'transferred', request, leader: undefined })
    else {
      const rejection = { reason: 'leadership-lost', leader: undefined } as const
      outbox.settle.push({ type: 'transferRejected', request, rejection })
    }
  }
}

export function setLeader(state: RaftState, leader: NodeId | undefined): void {
  if (state.leader === leader) return
  state.leader = leader
  state.outbox.emit({ type: 'leaderChanged', term: state.term, leader })
  for (const read of state.forwardedReads.drain()) {
    state.outbox.settle.push({ type: 'readRejected', read, rejection: { reason: 'leadership-lost', leader } })
  }
}

/** Asks whether an election could be won, changing nothing (thesis §9.6). */
export function becomePreCandidate(state: RaftState): void {
  const tally = new VoteTally()
  tally.record(state.id, true)
  setRole(state, { type: 'pre-candidate', tally })
  setLeader(state, undefined)
  state.timer.restart(state.now)
  state.outbox.emit({ type: 'preVoteStarted', term: state.term + 1 })
}

/** Votes for itself in the next term (§5.2). The vote counts once it is durable. */
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

/** Takes office: nothing known of the followers, and a no-op to commit what earlier terms left (§5.2, §8). */
export function becomeLeader(state: RaftState): void {
  const noopIndex = state.log.lastIndex + 1
  const leader: LeaderState = {
    type: 'leader',
    noopIndex,
    progress: new Map(),
    rounds: new HeartbeatRounds(),
    reads: new ReadQueue(),
    heartbeatDueAt: state.now,
    quorumCheckStart: state.now,
    transfer: undefined,
    hasSentTimeoutNow: false,
    pendingChange: undefined,
    queuedChange: undefined,
  }
  setRole(state, leader)
  // Whoever leads has all that is committed: no snapshot of an earlier leader may replace its log.
  state.snapshotFetch = undefined
  setLeader(state, state.id)
  trackMembers(state, leader)
  appendBlock(state, { first: noopIndex, term: state.term, count: 1, size: 0, kind: 'noop' })
  state.outbox.emit({ type: 'becameLeader', term: state.term, noopIndex })
}

/** Makes the leader's progress follow the membership in force; who left is kept until it knows, or for an election timeout. */
export function trackMembers(state: RaftState, leader: LeaderState): void {
  const { index, membership } = state.memberships.current
  for (const { id, addedAt } of membership.members) {
    if (id === state.id) continue
    const known = leader.progress.get(id)
    if (known !== undefined && known.session === addedAt) known.removal = undefined
    else leader.progress.set(id, new Progress(id, addedAt, state.log.lastIndex + 1, state.options, state.now))
  }
  const tracked = new Set([...membership.members.map(({ id }) => id), ...allVoters(membership)])
  for (const progress of leader.progress.values()) {
    if (tracked.has(progress.id) || progress.removal !== undefined) continue
    progress.removal = { index, deadline: state.now + state.options.electionTimeoutMaxMs }
  }
}
