/** What a leader learns from an answer to AppendEntries: contact, a match, or where to probe next (§5.3). */
import type { AppendEntriesResponse, InstallSnapshotResponse } from '../messages.ts'
import type { Progress } from '../replication/progress.ts'
import type { LeaderState, RaftState } from '../state.ts'
import type { LogIndex, NodeId } from '../types.ts'

/** The sender's progress, if the answer belongs to its present membership session. */
function progressOf(
  state: RaftState,
  leader: LeaderState,
  from: NodeId,
  { session, round }: AppendEntriesResponse | InstallSnapshotResponse,
): Progress | undefined {
  const progress = leader.progress.get(from)
  if (progress === undefined || progress.session !== session) return undefined
  if (round > leader.rounds.current) {
    state.outbox.emit({ type: 'protocolViolation', from, detail: `it answers round ${round}, which has not begun` })
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
  if (!isPlausibleIndex(state, from, message.index, message.isAccepted)) return
  if (message.isAccepted) onAccepted(state, progress, message)
  else onRejected(state, progress, message)
}

/** What one has is what was sent: whole blocks, and none beyond the log. What is compacted away here cannot be looked up. */
function isPlausibleIndex({ log, outbox }: RaftState, from: NodeId, index: LogIndex, isMatch: boolean): boolean {
  const isInsideBlock = isMatch && index > log.baseIndex && !log.isBoundary(index)
  if (index <= log.lastIndex && !isInsideBlock) return true
  const where = index > log.lastIndex ? 'beyond the log' : 'inside a block'
  outbox.emit({ type: 'protocolViolation', from, detail: `it speaks of index ${index}, ${where}` })
  return false
}

function onAccepted(state: RaftState, progress: Progress, message: AppendEntriesResponse): void {
  const hasAdvanced = progress.recordMatch(message.index)
  if (progress.state.type === 'probe') return progress.becomeReplicate()
  // It has what the offered snapshot would bring: no need to wait for it.
  if (progress.state.type === 'snapshot' && hasAdvanced && message.index >= progress.state.snapshot.index) {
    progress.becomeProbe(progress.matchIndex + 1)
    state.outbox.emit({ type: 'followerCaughtUp', peer: progress.id })
  }
}

/**
 * Goes back to where both logs may agree: past every entry of ours whose term is above the follower's there, and to the beginning of
 * the block that lies there, of which the follower may have a part by another leader.
 */
function onRejected(state: RaftState, progress: Progress, message: AppendEntriesResponse): void {
  if (progress.state.type === 'snapshot' || message.index <= progress.matchIndex) return
  if (progress.state.type === 'probe' && message.index !== progress.nextIndex - 1) return
  const agreed = state.log.lastWithTermAtMost(Math.min(message.hintIndex, message.index - 1), message.hintTerm)
  // Where they agree is compacted away here: the next message is the offer of a snapshot.
  progress.becomeProbe(agreed === undefined ? state.log.baseIndex : state.log.floorToBoundary(agreed) + 1)
}

export function handleInstallSnapshotResponse(
  state: RaftState,
  leader: LeaderState,
  from: NodeId,
  message: InstallSnapshotResponse,
): void {
  const progress = progressOf(state, leader, from, message)
  if (progress === undefined || message.outcome === 'fetching') return
  if (message.outcome === 'installed') {
    if (!isPlausibleIndex(state, from, message.index, true)) return
    progress.recordMatch(message.index)
    if (progress.state.type !== 'snapshot') return
    progress.becomeProbe(progress.matchIndex + 1)
    return state.outbox.emit({ type: 'followerCaughtUp', peer: from })
  }
  if (progress.state.type !== 'snapshot') return
  // Offer the newest instead. If that was it, a new one is wanted, and this one is offered again with the next heartbeat.
  if (progress.state.snapshot.id === state.log.snapshot?.id) state.outbox.takeSnapshot = true
  else progress.becomeProbe(progress.matchIndex + 1)
}
