/** The one door: everything that happens to a node goes in through `step`, everything it wants comes out as effects. */
import { assert, unreachable } from './assert.ts'
import type { Effects } from './effects.ts'
import type { Input } from './inputs.ts'
import { isMember } from './membership/membership.ts'
import type { Message } from './messages.ts'
import type { RaftOptions } from './options.ts'
import { candidateReceives } from './roles/candidate.ts'
import { followerReceives } from './roles/follower.ts'
import { finishLeaderStep, leaderReceives } from './roles/leader.ts'
import { applyCommitted } from './rules/apply.ts'
import { detectPause, nextWakeAt } from './rules/pause.ts'
import { propose } from './rules/propose.ts'
import { expireForwardedReads, forwardRead, readOnLeader } from './rules/read-index.ts'
import { proposeChange } from './rules/reconfigure.ts'
import { notLeader, rejectInput } from './rules/reject.ts'
import { onMembershipCommitted } from './rules/removal.ts'
import { onSnapshotFetched, onSnapshotFetchFailed, onSnapshotTaken } from './rules/snapshot.ts'
import { checkTerm } from './rules/term.ts'
import { startTransfer } from './rules/transfer.ts'
import { becomeFollower } from './rules/transition.ts'
import { validateMessage } from './rules/validate-message.ts'
import { handlePreVote, recordSelfVote, startElection } from './rules/vote.ts'
import { type InitialState, RaftState } from './state.ts'
import type { RaftStatus } from './status.ts'
import type { Instant, LogIndex, NodeId, SnapshotInfo } from './types.ts'

/** Directory ids of nodes that are no members (yet) remembered at most. */
const NON_MEMBERS_MAX = 64

/**
 * One node of the cluster, as a pure machine: no clock, no chance, no I/O, no promise. The same options, recovered log and inputs
 * give the same effects, byte for byte. It throws only InvariantError: a bug in it.
 */
export class Raft {
  /** For checkers and tests; nobody else looks in. */
  readonly state: RaftState
  #wakeAt: Instant = Infinity

  constructor(options: RaftOptions, recovered: InitialState, now: Instant) {
    this.state = new RaftState(options, recovered, now)
    const { snapshot } = this.state.log
    if (snapshot !== undefined) {
      this.state.log.applyingIndex = snapshot.index
      this.state.outbox.install = snapshot
    }
  }

  /**
   * What has happened, in order, and what is to be done about all of it together. `now` never falls. With no inputs it says what
   * is due (the first call: restore the snapshot, apply what is known to be committed).
   */
  step(now: Instant, inputs: readonly Input[]): Effects {
    const { state } = this
    assert(now >= state.now, 'time does not go back')
    state.now = now
    detectPause(state, this.#wakeAt)
    const commitBefore = state.log.commitIndex
    for (const input of inputs) processInput(state, input)
    if (state.stopped === undefined) finishStep(state, commitBefore)
    this.#wakeAt = nextWakeAt(state)
    return this.#takeEffects()
  }

  status(now: Instant): RaftStatus {
    const { state } = this
    const { log, role, memberships } = state
    return {
      id: state.id,
      role: role.type,
      term: state.term,
      leader: state.leader,
      votedFor: state.votedFor,
      firstIndex: log.firstIndex,
      lastIndex: log.lastIndex,
      lastTerm: log.last.term,
      persistedIndex: log.persistedIndex,
      commitIndex: log.commitIndex,
      appliedIndex: log.appliedIndex,
      snapshotIndex: log.snapshotIndex,
      logBytes: log.bytes,
      membership: state.membership,
      membershipIndex: memberships.current.index,
      isMembershipCommitted: memberships.current.index <= log.commitIndex,
      isTransferring: role.type === 'leader' && role.transfer !== undefined,
      isRemoved: state.isRemoved,
      stopped: state.stopped,
      peers: role.type === 'leader' ? [...role.progress.values()].map((progress) => progress.status(now)) : [],
    }
  }

  /**
   * What a snapshot of the state machine at `index` (applied, though the core may not have heard of it yet; the end of a block) must
   * say of itself.
   */
  snapshotMetadata(index: LogIndex): Pick<SnapshotInfo, 'index' | 'term' | 'membership'> {
    const { log, memberships } = this.state
    const term = log.termAt(index)
    assert(term !== undefined && index <= log.applyingIndex, 'a snapshot is taken of what is applied and known')
    assert(log.isBoundary(index), 'a snapshot is taken at the end of a block')
    return { index, term, membership: memberships.at(index).membership }
  }

  #takeEffects(): Effects {
    const { outbox, pendingWrites, log, hardState, now } = this.state
    if (this.state.stopped !== undefined) outbox.clear()
    const number = outbox.needsPersist ? pendingWrites.begin(log.lastIndex, outbox.isHardStateDirty, now) : undefined
    return outbox.take(number, hardState, this.#wakeAt)
  }
}

function processInput(state: RaftState, input: Input): void {
  if (state.stopped !== undefined) return rejectInput(state, input, { reason: 'stopped', detail: state.stopped })
  switch (input.type) {
    case 'timeout':
      return // What is due is found at the end of every step.
    case 'receive':
      return receive(state, input.from, input.message)
    case 'propose':
    case 'changeMembership':
    case 'transfer':
    case 'read':
      return processRequest(state, input)
    case 'persisted':
      return onPersisted(state, input.number)
    case 'storageFailed':
      return onStorageFailed(state, input.reason)
    case 'applied':
      assert(input.index <= state.log.applyingIndex, 'only what was handed out is applied')
      state.log.appliedIndex = Math.max(state.log.appliedIndex, input.index)
      return
    case 'snapshotTaken':
      return onSnapshotTaken(state, input.snapshot)
    case 'snapshotFetched':
      return onSnapshotFetched(state, input.snapshot)
    case 'snapshotFetchFailed':
      return onSnapshotFetchFailed(state, input.snapshot)
    case 'peerSeen':
      return onPeerSeen(state, input.peer, input.directoryId)
    case 'peerLost':
      return onPeerLost(state, input.peer)
    default:
      return unreachable(input)
  }
}

/** The term first, then the role. A candidate that finds a leader is a follower by the time it looks at the message. */
function receive(state: RaftState, from: NodeId, message: Message): void {
  const detail = from === state.id ? 'it bears the id of this node' : validateMessage(message)
  if (detail !== undefined) return state.outbox.emit({ type: 'protocolViolation', from, detail })
  if (!checkTerm(state, from, message)) return
  if (message.type === 'PreVoteRequest') return handlePreVote(state, from, message)
  const { role } = state
  if (role.type === 'leader') return leaderReceives(state, role, from, message)
  if (role.type !== 'follower' && candidateReceives(state, from, message)) return
  followerReceives(state, from, message)
}

/** What a caller wants of the leader; anybody may be asked to read. */
function processRequest(
  state: RaftState,
  input: Extract<Input, { type: 'propose' | 'changeMembership' | 'transfer' | 'read' }>,
): void {
  const { role } = state
  if (role.type !== 'leader') {
    if (input.type === 'read') forwardRead(state, input.read)
    else rejectInput(state, input, notLeader(state))
    return
  }
  switch (input.type) {
    case 'propose':
      return propose(state, role, input)
    case 'changeMembership':
      return proposeChange(state, role, input.request, input.change)
    case 'transfer':
      return startTransfer(state, role, input.request, input.to)
    case 'read':
      return readOnLeader(state, role, { from: undefined, read: input.read }, input.mode)
  }
}

function onPersisted(state: RaftState, number: number): void {
  const lastIndex = state.pendingWrites.complete(number)
  state.log.persistedIndex = Math.max(state.log.persistedIndex, lastIndex)
  recordSelfVote(state, number)
}

/** Never speaks again: what the disk holds is not known any more. */
function onStorageFailed(state: RaftState, reason: string): void {
  if (state.role.type === 'leader') becomeFollower(state, state.term, undefined, 'storage-failed')
  state.stopped = reason
  state.outbox.emit({ type: 'storageFailed', reason })
}

function onPeerSeen(state: RaftState, peer: NodeId, directoryId: string): void {
  if (isMember(state.membership, peer) || state.seenDirectoryIds.size < NON_MEMBERS_MAX) {
    state.seenDirectoryIds.set(peer, directoryId)
  }
  if (state.role.type === 'leader') state.role.progress.get(peer)?.onLinkLost()
}

/** Whoever comes back under this name may come with another disk: one that is not there is bound to none. */
function onPeerLost(state: RaftState, peer: NodeId): void {
  state.seenDirectoryIds.delete(peer)
  if (state.role.type === 'leader') state.role.progress.get(peer)?.onLinkLost()
}

function finishStep(state: RaftState, commitBefore: LogIndex): void {
  onMembershipCommitted(state, commitBefore)
  expireForwardedReads(state)
  if (state.role.type === 'leader') finishLeaderStep(state, state.role)
  else if (state.timer.isDue(state.now)) startElection(state)
  applyCommitted(state)
}
