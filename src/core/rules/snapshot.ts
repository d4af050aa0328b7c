/** Snapshots: our own, which let the log be compacted, and the leader's, which replace it (§7). */
import type { InstallSnapshotRequest } from '../messages.ts'
import type { RaftState } from '../state.ts'
import type { LogIndex, NodeId, SnapshotInfo } from '../types.ts'
import { send, sendOncePersisted } from './send.ts'

/** Our state machine's snapshot is a durable file: from now on the log may start after it, less a reserve. */
export function onSnapshotTaken(state: RaftState, snapshot: SnapshotInfo): void {
  const { log, outbox } = state
  if (snapshot.index <= log.snapshotIndex || snapshot.index > log.appliedIndex) return
  log.snapshot = snapshot
  outbox.snapshot = { info: snapshot, resetLog: false }
  const before = log.baseIndex
  const base = log.compactTo(compactionIndex(state, snapshot.index))
  if (base === before) return
  state.memberships.compactTo(base)
  outbox.compactTo = base
  outbox.emit({ type: 'logCompacted', to: base })
}

/** A reserve stays behind the snapshot, bounded in entries and bytes, so that a follower a little behind needs no snapshot. */
function compactionIndex(state: RaftState, snapshotIndex: LogIndex): LogIndex {
  const { log, options } = state
  let target = Math.max(log.baseIndex, snapshotIndex - options.trailingEntries)
  if (log.bytesBetween(target, snapshotIndex) > options.trailingBytesMax) {
    target = log.trailingStart(snapshotIndex, options.trailingBytesMax)
  }
  return Math.min(target, matchIndexOfSlowestFollower(state))
}

/** What a live follower, or one that is fetching a snapshot, still needs is kept as long as it is not too much. */
function matchIndexOfSlowestFollower(state: RaftState): LogIndex {
  const { role, log, options, now } = state
  if (role.type !== 'leader') return Infinity
  let needed = Infinity
  for (const progress of role.progress.values()) {
    if (now - progress.lastContactAt >= options.electionTimeoutMaxMs) continue
    const index = progress.state.type === 'snapshot' ? progress.state.snapshot.index : progress.matchIndex
    if (index < needed) needed = index
  }
  const isAffordable = needed > log.baseIndex && log.bytesBetween(needed, log.lastIndex) <= options.laggardBytesMax
  return isAffordable ? needed : Infinity
}

/** An offer from the leader. What the log already holds is not installed over (§7: "retain log entries following it"). */
export function handleInstallSnapshot(state: RaftState, from: NodeId, message: InstallSnapshotRequest): void {
  const { snapshot, round, session } = message
  const { term, log } = state
  const answer = { type: 'InstallSnapshotResponse', term, round, session } as const
  if (isInLog(state, snapshot)) {
    commitUpToSnapshot(state, snapshot)
    const index = log.commitIndex
    const response = { ...answer, outcome: 'installed', index } as const
    if (index <= log.persistedIndex) send(state, from, response)
    else sendOncePersisted(state, from, response)
    return
  }
  send(state, from, { ...answer, outcome: 'fetching', index: 0 })
  if (state.snapshotFetch?.snapshot.id === snapshot.id && state.snapshotFetch.from === from) return
  state.snapshotFetch = { from, snapshot, session }
  state.outbox.fetch = { from, snapshot }
}

/** Whether the log reaches beyond it: committed there, or with the very entry it ends with. */
function isInLog({ log }: RaftState, { index, term }: SnapshotInfo): boolean {
  return index <= log.commitIndex || log.hasEntry(index, term)
}

function commitUpToSnapshot({ log }: RaftState, { index }: SnapshotInfo): void {
  if (index > log.commitIndex) log.commitTo(log.floorToBoundary(index))
}

/** The file is here and whole. It is installed unless the log has caught up by itself meanwhile. */
export function onSnapshotFetched(state: RaftState, snapshot: SnapshotInfo): void {
  if (state.snapshotFetch?.snapshot.id !== snapshot.id) return
  state.snapshotFetch = undefined
  if (isInLog(state, snapshot)) return commitUpToSnapshot(state, snapshot)
  const { log, outbox } = state
  state.pendingWrites.truncateAfter(log.commitIndex)
  log.resetTo(snapshot)
  state.memberships.reset({ index: snapshot.index, membership: snapshot.membership })
  outbox.resetTo(snapshot)
  outbox.emit({ type: 'snapshotInstalled', snapshot })
  outbox.emit({ type: 'membershipAdopted', index: snapshot.index, membership: snapshot.membership })
}

/** It could not be had (gone, or damaged on the way): whoever offered it may have a newer one. */
export function onSnapshotFetchFailed(state: RaftState, snapshot: SnapshotInfo): void {
  const { snapshotFetch, term } = state
  if (snapshotFetch?.snapshot.id !== snapshot.id) return
  state.snapshotFetch = undefined
  const { from, session } = snapshotFetch
  send(state, from, { type: 'InstallSnapshotResponse', term, outcome: 'failed', index: 0, round: 0, session })
}
