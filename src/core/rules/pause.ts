/** Detects that this node was paused, so that it does not mistake its own pause for a silent leader or a stalled disk. */
import { isOnlyVoter } from '../membership/quorum.ts'
import type { RaftState } from '../state.ts'
import type { Instant } from '../types.ts'
import { becomeFollower } from './transition.ts'

/** From this many late steps in a row on, they are not pauses: the clock of the caller is coarse, or the process is short of CPU time. */
const COARSE_CLOCK_STEPS = 3
/** They are in a row if no more heartbeat intervals lie between one and the wake-up requested for the next. */
const ROW_HEARTBEATS = 8

/**
 * Restarts all timers if this step is much later than the requested `wakeAt`. A leader that was away for an election timeout steps down: another one
 * may lead by now, and what this one knows of its followers is old.
 */
export function detectPause(state: RaftState, wakeAt: Instant): void {
  const pausedMs = state.now - wakeAt
  if (pausedMs <= state.options.pauseToleranceMs) return
  // Timers that are restarted in every step would never expire.
  if (isClockCoarse(state, wakeAt, pausedMs)) return
  state.outbox.emit({ type: 'paused', pausedMs })
  state.pendingWrites.resetAges(state.now)
  if (state.role.type === 'leader' && pausedMs >= state.options.electionTimeoutMinMs && !isOnlyVoter(state)) {
    becomeFollower(state, state.term, undefined, 'paused')
  } else if (state.role.type === 'leader') {
    state.role.quorumCheckStart = state.now
    state.role.heartbeatDueAt = state.now
  } else {
    state.timer.restart(state.now)
  }
}

/**
 * Whether the late steps before were as late, and followed each other: the next wake-up was requested within a few intervals of the last one.
 * A delay of more than twice the longest in the row is a pause in any case.
 */
function isClockCoarse(state: RaftState, wakeAt: Instant, lateMs: number): boolean {
  const { lateSteps: row, now, options } = state
  const isSameRow =
    row !== undefined && wakeAt - row.at <= ROW_HEARTBEATS * options.heartbeatIntervalMs && lateMs <= 2 * row.longestMs
  const count = isSameRow ? row.count + 1 : 1
  state.lateSteps = { count, at: now, longestMs: isSameRow ? Math.max(row.longestMs, lateMs) : lateMs }
  if (isSameRow && count === COARSE_CLOCK_STEPS) {
    const { electionTimeoutMinMs } = options
    state.outbox.emit({ type: 'clockCoarse', intervalMs: now - row.at, electionTimeoutMinMs })
  }
  return count >= COARSE_CLOCK_STEPS
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
    return Math.min(heartbeat, stall, role.transfer?.deadline ?? Infinity, role.queuedChange?.deadline ?? Infinity)
  }
  const election = state.isElectable && !state.isRemoved ? state.timer.deadline : Infinity
  const pauseCheck = election === Infinity ? Infinity : now + 2 * options.heartbeatIntervalMs
  return Math.min(election, pauseCheck, state.forwardedReads.nextDeadline, state.forwardedProposals.resendAt)
}
