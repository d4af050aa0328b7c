/** Transfers leadership to a voter with the complete log (thesis §3.10). During a transfer proposals are rejected. */
import type { Progress } from '../replication/progress.ts'
import type { LeaderState, RaftState, Transfer } from '../state.ts'
import type { NodeId } from '../types.ts'

export function startTransfer(state: RaftState, leader: LeaderState, request: number, to: NodeId | undefined): void {
  const reject = (detail: string): void => {
    const rejection = { reason: 'bad-target', detail } as const
    state.outbox.settle.push({ type: 'transferRejected', request, rejection })
  }
  if (leader.transfer !== undefined) {
    const rejection = { reason: 'transferring', to: leader.transfer.to } as const
    state.outbox.settle.push({ type: 'transferRejected', request, rejection })
    return
  }
  const target = to ?? bestTarget(state, leader)
  if (target === undefined) return reject('no other voter is responding')
  if (target === state.id) {
    state.outbox.settle.push({ type: 'transferred', request, leader: target })
    return
  }
  if (!state.membership.voters.includes(target)) return reject(`${target} is not a voter`)
  leader.transfer = {
    request,
    to: target,
    deadline: state.now + state.options.electionTimeoutMaxMs,
    isTimeoutNowSent: false,
  }
  state.outbox.emit({ type: 'transferStarted', to: target })
}

/** The voter with the highest match index among those that responded recently. */
function bestTarget(state: RaftState, leader: LeaderState): NodeId | undefined {
  let best: Progress | undefined
  for (const progress of leader.progress.values()) {
    if (!state.membership.voters.includes(progress.id) || !progress.hasResponded) continue
    if (state.now - progress.lastContactAt >= state.options.electionTimeoutMinMs) continue
    if (best === undefined || progress.matchIndex > best.matchIndex) best = progress
  }
  return best?.id
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
  if (progress.matchIndex < state.log.lastIndex || transfer.isTimeoutNowSent) return
  // From now on another leader may exist before this one learns of it, so the lease is void for the rest of the term.
  leader.hasSentTimeoutNow = true
  transfer.isTimeoutNowSent = true
  state.outbox.sendNow(transfer.to, { type: 'TimeoutNow', term: state.term })
}

/** Sends TimeoutNow to the best target when a membership change makes this leader step down, so that no election timeout passes. */
export function sendTimeoutNow(state: RaftState, leader: LeaderState): void {
  const to = bestTarget(state, leader)
  if (to === undefined || leader.progress.get(to)?.matchIndex !== state.log.lastIndex) return
  leader.hasSentTimeoutNow = true
  state.outbox.sendNow(to, { type: 'TimeoutNow', term: state.term })
}

function abortTransfer(state: RaftState, leader: LeaderState, transfer: Transfer): void {
  leader.transfer = undefined
  state.outbox.settle.push({ type: 'transferRejected', request: transfer.request, rejection: { reason: 'timed-out' } })
  state.outbox.emit({ type: 'transferGivenUp', to: transfer.to })
}
