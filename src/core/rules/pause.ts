/** Detects that this node was paused, so that it does not mistake its own pause for a silent leader or a stalled disk. */
import type { RaftState } from '../state.ts'
import type { Instant } from '../types.ts'

/** Restarts all timers if this step is much later than the requested `wakeAt`. */
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
 * Returns when the next step is due. A node that may campaign is woken more often than its election timeout requires: a pause is
 * detected only if it delays a wake-up.
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
