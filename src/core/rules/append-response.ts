/** Handles responses to AppendEntries and InstallSnapshot: contact, match index, or where to probe next (§5.3). */
import type { AppendEntriesResponse, InstallSnapshotResponse } from '../messages.ts'
import type { Progress } from '../replication/progress.ts'
import type { LeaderState, RaftState } from '../state.ts'
import type { LogIndex, NodeId, Shortage } from '../types.ts'
import { detectLostEntries } from './lost-entries.ts'
import { onDigestReported } from './state-digest.ts'
import { reportViolation } from './violation.ts'

/** The sender's progress, with the contact recorded; undefined if the response belongs to another membership session. */
function progressOf(
  state: RaftState,
  leader: LeaderState,
  from: NodeId,
  { session, round }: AppendEntriesResponse | InstallSnapshotResponse,
): Progress | undefined {
  const progress = leader.progress.get(from)
  if (progress === undefined || progress.session !== session) return undefined
  if (progress.hasLostEntries) return undefined
  if (round > leader.rounds.current) {
    reportViolation(state, from, `the response is to round ${round}, which has not started`)
    return undefined
  }
  progress.recordContact(state.now, round)
  return progress
}

export function handleAppendEntriesResponse(
  state: RaftState,
  leader: LeaderState,
  from: NodeId,
  message: AppendEntriesResponse,
): void {
  const progress = progressOf(state, leader, from, message)
  if (progress === undefined) return
  progress.shortage = message.shortage
  progress.applyLag = message.applyLag ?? 0
  progress.writeMs = message.writeMs ?? 0
  recordSnapshotShortage(state, progress, undefined)
  if (!isPlausibleIndex(state, from, message.index, message.isAccepted)) return
  if (!hasSameContent(state, from, message)) return
  if (message.snapshot !== undefined) progress.reported = message.snapshot
  if (message.digest !== undefined) onDigestReported(state, leader, progress, message.digest)
  if (message.isAccepted) onAccepted(state, progress, message)
  else onRejected(state, progress, message)
}

/** Whether a follower can have this index: within the log, and if it matches, the end of a block. Compacted blocks are not checked. */
function isPlausibleIndex(state: RaftState, from: NodeId, index: LogIndex, isMatch: boolean): boolean {
  const { log } = state
  const isInsideBlock = isMatch && index > log.baseIndex && !log.isBoundary(index)
  if (index <= log.lastIndex && !isInsideBlock) return true
  const where = index > log.lastIndex ? 'beyond the end of the log' : 'inside a block'
  reportViolation(state, from, `index ${index} in the response is ${where}`)
  return false
}

/** Whether the follower's content is the leader's, as far as it can be compared. Without that an acknowledgement does not count; the follower stops at the next message (diverge.ts). */
function hasSameContent(state: RaftState, from: NodeId, { index, chain }: AppendEntriesResponse): boolean {
  const own = state.log.chainAt(index)
  if (chain === undefined || own === undefined || chain === own) return true
  const detail = `it acknowledges the entries up to ${index} with other content than this log has (chain ${chain}, here ${own})`
  reportViolation(state, from, detail)
  return false
}

function onAccepted(state: RaftState, progress: Progress, message: AppendEntriesResponse): void {
  progress.lastAcceptedAt = state.now
  recordFailedFetches(state, progress, 0)
  const hasAdvanced = progress.recordMatch(message.index)
  if (progress.state.type === 'probe') return progress.becomeReplicate()
  // The follower already has the entries up to the offered snapshot, so it need not install it.
  if (progress.state.type === 'snapshot' && hasAdvanced && message.index >= progress.state.snapshot.index) {
    progress.becomeProbe(progress.matchIndex + 1)
    state.outbox.emit({ type: 'followerCaughtUp', peer: progress.id })
  }
}

/**
 * Probes again where both logs may match: before all of the leader's entries with a term above the follower's at the hint, and at the
 * start of a block, because the follower may have a different block there.
 */
function onRejected(state: RaftState, progress: Progress, message: AppendEntriesResponse): void {
  if (message.index > 0 && detectLostEntries(state, progress, message.round, message.index)) return
  if (progress.state.type === 'snapshot' || message.index <= progress.matchIndex) return
  if (progress.state.type === 'probe' && message.index !== progress.nextIndex - 1) return
  const possibleMatch = state.log.lastWithTermAtMost(Math.min(message.hintIndex, message.index - 1), message.hintTerm)
  // If the matching entry is compacted, the next message offers a snapshot.
  progress.becomeProbe(possibleMatch === undefined ? state.log.baseIndex : state.log.floorToBoundary(possibleMatch) + 1)
}

export function handleInstallSnapshotResponse(
  state: RaftState,
  leader: LeaderState,
  from: NodeId,
  message: InstallSnapshotResponse,
): void {
  const progress = progressOf(state, leader, from, message)
  if (progress === undefined) return
  recordSnapshotShortage(state, progress, message.shortage)
  recordFailedFetches(state, progress, message.failedFetches ?? 0)
  // Builds that do not report the end of their log send 0.
  if (message.outcome === 'fetching') {
    if (message.index > 0) detectLostEntries(state, progress, message.round, message.index + 1)
    // Its size is what a follower said: the leader's own may fit.
    if (message.shortage !== undefined) progress.avoidsSources = true
    return
  }
  if (message.outcome === 'installed') {
    if (!isPlausibleIndex(state, from, message.index, true)) return
    progress.recordMatch(message.index)
    if (progress.state.type !== 'snapshot') return
    progress.becomeProbe(progress.matchIndex + 1)
    return state.outbox.emit({ type: 'followerCaughtUp', peer: from })
  }
  if (progress.state.type !== 'snapshot') return
  progress.avoidsSources = true
  // Offer the newest snapshot instead. If that one failed, take a new one; until then each heartbeat offers the same one again.
  if (progress.state.snapshot.id === state.log.snapshot?.id) state.outbox.takeSnapshot = true
  else progress.becomeProbe(progress.matchIndex + 1)
}

/** Reports when the offered snapshot does not fit on the follower's disk, and when it no longer waits for space. */
function recordSnapshotShortage({ outbox }: RaftState, progress: Progress, shortage: Shortage | undefined): void {
  const before = progress.snapshotShortage
  progress.snapshotShortage = shortage
  if ((before === undefined) === (shortage === undefined)) return
  if (shortage === undefined) outbox.emit({ type: 'snapshotResumed', peer: progress.id })
  else outbox.emit({ type: 'snapshotStalled', peer: progress.id, ...shortage })
}

/** Reports how often in a row the follower has failed to fetch a snapshot, and when one arrives. */
function recordFailedFetches({ outbox }: RaftState, progress: Progress, failed: number): void {
  if (failed === progress.failedFetches) return
  progress.failedFetches = failed
  if (failed === 0) outbox.emit({ type: 'snapshotFetchRecovered', peer: progress.id })
  else outbox.emit({ type: 'snapshotFetchFailing', peer: progress.id, attempts: failed })
}
