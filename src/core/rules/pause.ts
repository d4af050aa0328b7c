/** Knowing one's own absence: a node that was not run when it asked to be must not take its own deafness for a silent leader. */
import type { RaftState } from '../state.ts'
import type { Instant } from '../types.ts'

/** Whether the node was away: `now` is much later than the instant it had asked to be woken at. Its timers start afresh. */
export function detectPause(state: RaftState, wakeAt: Instant): void {
  const pausedMs = state.now - wakeAt
  if (pausedMs <= state.options.pauseToleranceMs) return
  state.outbox.emit({ type: 'paused', pausedMs })
  state.pendingWrites.resetAges(state.now)
  if (state.role.type === 'leader') {
    state.role.quorumCheckStart = state.now
    state.role.heartbeatDueAt = state.now
  } else {
    state.timer.restart(state.now)
  }
}

/**
 * When the node wants to be woken. One that may campaign is woken more often than its election timeout asks for: only who is
 * awake at known instants can tell that he was not.
 */
export function nextWakeAt(state: RaftState): Instant {
  const { role, now, options } = state
  if (state.stopped !== undefined) return Infinity
  if (role.type === 'leader') {
    const heartbeat = role.progress.size > 0 ? role.heartbeatDueAt : Infinity
    const stall = state.pendingWrites.oldestSince === undefined ? Infinity : now + options.storageStallMs
    return Math.min(heartbeat, stall, role.transfer?.deadline ?? Infinity)
  }
  const election = state.isElectable && !state.isRemoved ? state.timer.deadline : Infinity
  const pauseCheck = election === Infinity ? Infinity : now + 2 * options.heartbeatIntervalMs
  return Math.min(election, pauseCheck, state.forwardedReads.nextDeadline)
}
