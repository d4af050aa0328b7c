/** Transfers leadership to a voter with the complete log (thesis §3.10). During a transfer proposals are rejected. */
import type { Rejection, UnfitVoter } from '../effects.ts'
import type { Input } from '../inputs.ts'
import type { Progress } from '../replication/progress.ts'
import type { LeaderState, RaftState, Transfer } from '../state.ts'
import type { NodeId } from '../types.ts'
import { lagMax } from './lag.ts'
import { describeDisks, fasterVoter, fastestWriteMs, isDiskSlow, respondingVoters } from './slow-disk.ts'

export function startTransfer(
  state: RaftState,
  leader: LeaderState,
  { request, to, isForced = false, toFasterDisk = false }: Extract<Input, { type: 'transfer' }>,
): void {
  const reject = (rejection: Rejection): void => {
    state.outbox.rejectTransfer(request, rejection)
  }
  if (leader.transfer !== undefined) return reject({ reason: 'transferring', to: leader.transfer.to })
  const unfit = isForced ? [] : unfitVoters(state, leader)
  const target = to ?? (toFasterDisk ? fasterTarget(state, leader) : bestTarget(state, leader, isForced))
  if (target === undefined) {
    if (unfit.length > 0) return reject({ reason: 'unfit-target', unfit })
    const detail = toFasterDisk ? describeDisks(state, leader) : 'no other voter is responding'
    return reject({ reason: 'bad-target', detail })
  }
  if (target === state.id) {
    state.outbox.settle.push({ type: 'transferred', request, leader: target })
    return
  }
  if (!state.membership.voters.includes(target)) {
    return reject({ reason: 'bad-target', detail: `${target} is not a voter` })
  }
  if (leader.progress.get(target)?.hasLostEntries === true) {
    return reject({ reason: 'bad-target', detail: `${target} has lost entries that it acknowledged` })
  }
  const unfitTarget = unfit.filter(({ peer }) => peer === target)
  if (unfitTarget.length > 0) return reject({ reason: 'unfit-target', unfit: unfitTarget })
  const deadline = state.now + state.options.electionTimeoutMaxMs
  leader.transfer = { request, to: target, isForced, deadline, isTimeoutNowSent: false }
  const targetWriteMs = leader.progress.get(target)?.writeMs ?? 0
  const times = toFasterDisk ? { ownWriteMs: state.writeMs, targetWriteMs } : {}
  state.outbox.emit({ type: 'transferStarted', to: target, ...times })
}

/** The followers that should not lead at present. */
function unfitVoters(state: RaftState, leader: LeaderState): readonly UnfitVoter[] {
  return [...leader.progress.values()].flatMap((progress) => unfitnessOf(state, leader, progress) ?? [])
}

/**
 * A leader must write, and answers only what it has written and applied: not a node short of space, one with a slow disk or one far behind
 * in applying.
 */
function unfitnessOf(
  state: RaftState,
  leader: LeaderState,
  { id, shortage, applyLag, writeMs }: Progress,
): UnfitVoter | undefined {
  const isBehind = applyLag > lagMax(state, leader)
  const isSlow = isDiskSlow(state, writeMs, fastestWriteMs(state, leader))
  if (shortage === undefined && !isBehind && !isSlow) return undefined
  return { peer: id, shortage, applyLag: isBehind ? applyLag : 0, writeMs: isSlow ? writeMs : 0 }
}

/** The voter with the highest match index among those that responded recently. One that is unfit only if `isForced` and no other is left. */
function bestTarget(state: RaftState, leader: LeaderState, isForced: boolean): NodeId | undefined {
  const candidates = respondingVoters(state, leader)
  const fit = candidates.filter((progress) => unfitnessOf(state, leader, progress) === undefined)
  let best: Progress | undefined
  for (const progress of isForced && fit.length === 0 ? candidates : fit) {
    if (best === undefined || progress.matchIndex > best.matchIndex) best = progress
  }
  return best?.id
}

/** The fit and caught-up voter with the fastest disk, if this node's is slow compared with it. Nothing gets faster by waiting for a log. */
function fasterTarget(state: RaftState, leader: LeaderState): NodeId | undefined {
  return fasterVoter(
    state,
    respondingVoters(state, leader).filter(
      (progress) =>
        progress.isReplicating &&
        state.log.lastIndex - progress.matchIndex <= lagMax(state, leader) &&
        unfitnessOf(state, leader, progress) === undefined,
    ),
  )?.id
}

/** Sends TimeoutNow once the target has the complete log; aborts at the deadline or if the target is no longer a voter. */
export function continueTransfer(state: RaftState, leader: LeaderState): void {
  const { transfer } = leader
  if (transfer === undefined) return
  if (state.now >= transfer.deadline) return abortTransfer(state, leader, transfer)
  const progress = leader.progress.get(transfer.to)
  if (progress === undefined || !state.membership.voters.includes(transfer.to)) {
    return abortTransfer(state, leader, transfer)
  }
  if (transfer.isTimeoutNowSent) return
  const unfit = transfer.isForced ? undefined : unfitnessOf(state, leader, progress)
  if (unfit !== undefined) {
    return abortTransfer(state, leader, transfer, { reason: 'unfit-target', unfit: [unfit] })
  }
  if (progress.matchIndex < state.log.lastIndex) return
  // From now on another leader may exist before this one learns of it, so the lease is void for the rest of the term.
  leader.hasSentTimeoutNow = true
  transfer.isTimeoutNowSent = true
  state.outbox.sendNow(transfer.to, { type: 'TimeoutNow', term: state.term })
}

/** Sends TimeoutNow to the best target when a membership change makes this leader step down, so that no election timeout passes. */
export function sendTimeoutNow(state: RaftState, leader: LeaderState): void {
  const to = bestTarget(state, leader, true)
  if (to === undefined || leader.progress.get(to)?.matchIndex !== state.log.lastIndex) return
  leader.hasSentTimeoutNow = true
  state.outbox.sendNow(to, { type: 'TimeoutNow', term: state.term })
}

function abortTransfer(
  state: RaftState,
  leader: LeaderState,
  transfer: Transfer,
  rejection: Rejection = { reason: 'timed-out' },
): void {
  leader.transfer = undefined
  const { request, to } = transfer
  if (transfer.isTimeoutNowSent) state.outbox.settle.push({ type: 'transferUnknown', request, to })
  else state.outbox.rejectTransfer(request, rejection)
  state.outbox.emit({ type: 'transferGivenUp', to: transfer.to })
}
