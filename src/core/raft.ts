/** The Raft state machine of one node: `step` takes inputs and returns effects. */
import { unreachable } from './assert.ts'
import type { Effects } from './effects.ts'
import type { Input } from './inputs.ts'
import { NO_METADATA } from './membership/change.ts'
import { isMember } from './membership/membership.ts'
import type { Message } from './messages.ts'
import type { RaftOptions } from './options.ts'
import { candidateReceives } from './roles/candidate.ts'
import { followerReceives } from './roles/follower.ts'
import { finishLeaderStep, leaderReceives } from './roles/leader.ts'
import { applyCommitted } from './rules/apply.ts'
import { forwardProposal, resendProposals } from './rules/forward.ts'
import { detectPause, nextWakeAt } from './rules/pause.ts'
import { propose } from './rules/propose.ts'
import { expireForwardedReads, forwardRead, readOnLeader } from './rules/read-index.ts'
import { onMembershipCommitted, proposeChange } from './rules/reconfigure.ts'
import { notLeader, otherTerm, rejectInput } from './rules/reject.ts'
import { onSnapshotFetched, onSnapshotFetchFailed, onSnapshotTaken } from './rules/snapshot.ts'
import { onDigested } from './rules/state-digest.ts'
import { checkTerm } from './rules/term.ts'
import { startTransfer } from './rules/transfer.ts'
import { becomeFollower } from './rules/transition.ts'
import { validateMessage } from './rules/validate-message.ts'
import { reportViolation } from './rules/violation.ts'
import { handlePreVote, recordSelfVote, startElection } from './rules/vote.ts'
import { type InitialState, RaftState } from './state.ts'
import type { RaftStatus } from './status.ts'
import type { Instant, LinkedBlock, LogIndex, NodeId, SnapshotInfo, Term } from './types.ts'
import { checkInitialState, checkInputs, checkOptions, checkTime, misuse } from './usage.ts'

/** The directory id of a non-member is remembered only while fewer than this many ids are known. */
const NON_MEMBERS_MAX = 64

/**
 * One node of a cluster, as a deterministic state machine without clock, randomness or I/O: the same options, initial state and
 * inputs give the same effects. It throws `UsageError` for a mistake of the caller, before anything changes, and `InvariantError` for a bug
 * in this library.
 *
 * The caller owns the disk, the network and the clock. It calls `step` with what has happened, carries out the returned effects,
 * and reports their completion as further inputs.
 *
 * @example
 * const raft = new Raft({ ...RAFT_DEFAULTS, id: 'a', seed: 1 }, initialState, now())
 * let effects = raft.step(now(), [])
 * for (;;) {
 *   carryOut(effects) // write `persist`, then send `persist.then`; send `send`; apply `apply`; settle `settle`
 *   effects = raft.step(now(), await nextInputs(effects.wakeAt))
 * }
 */
export class Raft {
  /** @internal For invariant checks and tests; the published types do not have it. */
  readonly state: RaftState
  #wakeAt: Instant = Infinity

  constructor(options: RaftOptions, initial: InitialState, now: Instant) {
    checkOptions(options)
    checkInitialState(initial)
    checkTime(now, -Infinity)
    this.state = new RaftState(options, initial, now)
    const { snapshot } = this.state.log
    if (snapshot !== undefined) {
      this.state.log.applyingIndex = snapshot.index
      this.state.outbox.install = snapshot
    }
    const { isRemoved, memberships, log, outbox } = this.state
    if (isRemoved) outbox.emit({ type: 'removed', index: memberships.at(log.commitIndex).index })
  }

  /**
   * Processes the inputs in order and returns the combined effects. `now` must not decrease. Call it once without inputs after
   * construction: the effects restore the snapshot and apply what is known to be committed.
   */
  step(now: Instant, inputs: readonly Input[]): Effects {
    const state = this.state
    checkTime(now, state.now)
    checkInputs(state, inputs)
    state.now = now
    detectPause(state, this.#wakeAt)
    const commitBefore = state.log.commitIndex
    for (const input of inputs) processInput(state, input)
    if (state.stopped === undefined) finishStep(state, commitBefore)
    this.#wakeAt = nextWakeAt(state)
    return this.#takeEffects()
  }

  status(now: Instant): RaftStatus {
    const state = this.state
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

  /** Returns the term of the entry at `index`, or undefined if the log has no such entry (compacted, or not appended yet). */
  termAt(index: LogIndex): Term | undefined {
    return this.state.log.termAt(index)
  }

  /** Returns the block that contains the entry at `index`, or undefined if the log has no such entry. */
  blockAt(index: LogIndex): LinkedBlock | undefined {
    return this.state.log.blockAt(index)
  }

  /**
   * Returns the metadata for a snapshot of the state machine at `index`. `index` must be the end of a block that an `apply` effect
   * has contained; the `applied` input need not have arrived.
   */
  snapshotMetadata(index: LogIndex): Pick<SnapshotInfo, 'index' | 'term' | 'chain' | 'membership'> {
    const { log, memberships } = this.state
    const term = log.termAt(index)
    const chain = log.chainAt(index)
    if (term === undefined || chain === undefined || index > log.applyingIndex)
      throw misuse(
        `there can be no snapshot at ${index}: it is not the end of a block that an \`apply\` effect has contained`,
        `take it after a whole block was applied, from ${log.baseIndex} to ${log.applyingIndex}`,
      )
    return { index, term, chain, membership: memberships.at(index).membership }
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
      return // Timers are checked at the end of every step.
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
      state.log.appliedIndex = Math.max(state.log.appliedIndex, input.index)
      return
    case 'digested':
      return onDigested(state, input.digest)
    case 'spaceChecked':
      state.shortage = input.shortage
      return
    case 'diskTimed':
      state.writeMs = input.writeMs
      return
    case 'snapshotTaken':
      return onSnapshotTaken(state, input.snapshot)
    case 'snapshotFetched':
      return onSnapshotFetched(state, input.snapshot)
    case 'snapshotFetchStalled':
      if (state.snapshotFetch?.snapshot.id === input.snapshot.id) state.snapshotFetch.shortage = input.shortage
      return
    case 'snapshotFetchesCounted':
      state.failedFetches = input.failed
      return
    case 'snapshotFetchFailed':
      return onSnapshotFetchFailed(state, input.snapshot)
    case 'peerSeen':
      return onPeerSeen(state, input)
    case 'peerPlace':
      state.places.set(input.peer, input.isReached, input.address, state.now)
      return state.places.retain((id) => isMember(state.membership, id))
    case 'peerLost':
      return onPeerLost(state, input.peer)
    default:
      return unreachable(input)
  }
}

/** Checks the term, then dispatches on the role. A candidate that discovers a leader handles the message as a follower. */
function receive(state: RaftState, from: NodeId, message: Message): void {
  const detail = from === state.id ? 'the sender has the id of this node' : validateMessage(message)
  if (detail !== undefined) return reportViolation(state, from, detail)
  if (!checkTerm(state, from, message)) return
  if (message.type === 'PreVoteRequest') return handlePreVote(state, from, message)
  const { role } = state
  if (role.type === 'leader') return leaderReceives(state, role, from, message)
  if (role.type !== 'follower' && candidateReceives(state, from, message)) return
  followerReceives(state, from, message)
}

/** Processes a request that only the leader can serve. A follower forwards reads to it. */
function processRequest(
  state: RaftState,
  input: Extract<Input, { type: 'propose' | 'changeMembership' | 'transfer' | 'read' }>,
): void {
  const { role } = state
  if (role.type !== 'leader') {
    if (input.type === 'read') forwardRead(state, input.read)
    else if (input.type === 'propose' && input.forward !== false && input.expectTerm === undefined)
      forwardProposal(state, input)
    else rejectInput(state, input, otherTerm(state, input) ?? notLeader(state))
    return
  }
  const rejection = otherTerm(state, input)
  if (rejection !== undefined) return rejectInput(state, input, rejection)
  switch (input.type) {
    case 'propose':
      return propose(state, role, input)
    case 'changeMembership':
      return proposeChange(state, role, input.request, input.change)
    case 'transfer':
      return startTransfer(state, role, input)
    case 'read':
      return readOnLeader(state, role, { from: undefined, read: input.read }, input.mode)
  }
}

function onPersisted(state: RaftState, number: number): void {
  const lastIndex = state.pendingWrites.complete(number)
  state.log.persistedIndex = Math.max(state.log.persistedIndex, lastIndex)
  recordSelfVote(state, number)
}

/** Stops the node permanently: after a failed write it is unknown what the disk contains. */
function onStorageFailed(state: RaftState, reason: string): void {
  if (state.role.type === 'leader') becomeFollower(state, state.term, undefined, 'storage-failed')
  state.stopped = reason
  state.outbox.emit({ type: 'storageFailed', reason })
}

function onPeerSeen(
  state: RaftState,
  {
    peer,
    directoryId,
    boot,
    metadata,
    takesProposals = false,
    sharesSnapshots = false,
  }: Extract<Input, { type: 'peerSeen' }>,
): void {
  if (isMember(state.membership, peer) || state.seenPeers.size < NON_MEMBERS_MAX) {
    const isEmpty = metadata !== undefined && Object.keys(metadata).length === 0
    state.seenPeers.set(peer, { directoryId, boot, metadata: isEmpty ? NO_METADATA : metadata })
  }
  state.features.set(peer, { takesProposals, sharesSnapshots })
  // The link is new: messages in flight on the previous one may be lost.
  if (state.role.type === 'leader') state.role.progress.get(peer)?.onLinkLost()
  else if (peer === state.leader) state.forwardedProposals.resendNow()
}

/** A peer may reconnect with a new disk, so its directory id is unknown until then. */
function onPeerLost(state: RaftState, peer: NodeId): void {
  state.seenPeers.delete(peer)
  state.features.delete(peer)
  if (state.role.type === 'leader') state.role.progress.get(peer)?.onLinkLost()
}

function finishStep(state: RaftState, commitBefore: LogIndex): void {
  onMembershipCommitted(state, commitBefore)
  expireForwardedReads(state)
  resendProposals(state)
  if (state.role.type === 'leader') finishLeaderStep(state, state.role)
  else if (state.timer.isDue(state.now)) startElection(state)
  applyCommitted(state)
}
