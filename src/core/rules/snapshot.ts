/** Handles snapshots (§7): those of this node compact its log, those from the leader replace it. */
import type { InstallSnapshotRequest, InstallSnapshotResponse } from '../messages.ts'
import type { RaftState, SnapshotFetch } from '../state.ts'
import type { LogIndex, NodeId, SnapshotInfo } from '../types.ts'
import { send, sendOncePersisted } from './send.ts'

/**
 * A snapshot of this node's state machine is durable: compacts the log up to it, except for the trailing entries. It shows that the state
 * machine has applied the entries in it. An older one than the newest is ignored.
 */
export function onSnapshotTaken(state: RaftState, snapshot: SnapshotInfo): void {
  const { log, outbox } = state
  log.appliedIndex = Math.max(log.appliedIndex, snapshot.index)
  if (snapshot.index <= log.snapshotIndex) return
  log.snapshot = snapshot
  outbox.snapshot = { info: snapshot, resetLog: false }
  const before = log.baseIndex
  const base = log.compactTo(compactionIndex(state, snapshot.index))
  if (base === before) return
  state.memberships.compactTo(base)
  outbox.compactTo = base
  outbox.emit({ type: 'logCompacted', to: base })
}

/** The index to compact up to. Trailing entries, limited in number and bytes, are kept for slightly lagging followers. */
function compactionIndex(state: RaftState, snapshotIndex: LogIndex): LogIndex {
  const { log, options } = state
  let target = Math.max(log.baseIndex, snapshotIndex - options.trailingEntries)
  if (log.bytesBetween(target, snapshotIndex) > options.trailingBytesMax) {
    target = log.trailingStart(snapshotIndex, options.trailingBytesMax)
  }
  return Math.min(target, matchIndexOfSlowestFollower(state))
}

/** The lowest index that a responding follower has or is installing; Infinity if the log after it exceeds `laggardBytesMax`. */
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

/** Handles a snapshot offer. A snapshot that the log already covers is not installed (§7: "retain log entries following it"). */
export function handleInstallSnapshot(state: RaftState, leader: NodeId, message: InstallSnapshotRequest): void {
  const { snapshot, source: from = leader, round, session } = message
  const offered: SnapshotFetch = { from, leader, snapshot, session }
  if (isInLog(state, snapshot)) {
    commitUpToSnapshot(state, snapshot)
    return answer(state, offered, 'installed', round)
  }
  const fetch = state.snapshotFetch
  const isFetching = fetch?.snapshot.id === snapshot.id && fetch.from === from && fetch.leader === leader
  answer(state, isFetching ? fetch : offered, 'fetching', round)
  if (isFetching) return
  state.snapshotFetch = offered
  state.outbox.fetch = { from, leader, snapshot }
}

/** Whether the log covers the snapshot: it is committed, or the log has the snapshot's last entry. */
function isInLog({ log }: RaftState, { index, term }: SnapshotInfo): boolean {
  return index <= log.commitIndex || log.hasEntry(index, term)
}

function commitUpToSnapshot({ log }: RaftState, { index }: SnapshotInfo): void {
  if (index > log.commitIndex) log.commitTo(log.floorToBoundary(index))
}

/** The fetched snapshot, under an id of this node, is complete and verified: installs it unless the log covers it by now. */
export function onSnapshotFetched(state: RaftState, snapshot: SnapshotInfo): void {
  if (state.snapshotFetch?.snapshot.index !== snapshot.index) return
  const fetched = state.snapshotFetch
  state.snapshotFetch = undefined
  if (isInLog(state, snapshot)) commitUpToSnapshot(state, snapshot)
  else install(state, snapshot)
  // The leader need not wait for the response to its next offer.
  if (state.leader === fetched.leader) answer(state, fetched, 'installed')
}

/** Tells the leader how far this node is; that the log has the snapshot only once that is durable. */
function answer(
  state: RaftState,
  { leader, session, shortage }: SnapshotFetch,
  outcome: InstallSnapshotResponse['outcome'],
  round: number = 0,
): void {
  const { term, log, failedFetches } = state
  const isInstalled = outcome === 'installed'
  const index = isInstalled ? log.commitIndex : outcome === 'fetching' ? log.lastIndex : 0
  const isDurable = !isInstalled || index <= log.persistedIndex
  const sendAnswer = isDurable ? send : sendOncePersisted
  sendAnswer(state, leader, {
    ...{ type: 'InstallSnapshotResponse', term, outcome, index, round, session },
    ...(shortage === undefined ? {} : { shortage }),
    ...(isInstalled || failedFetches === 0 ? {} : { failedFetches }),
  })
}

function install(state: RaftState, snapshot: SnapshotInfo): void {
  const { log, outbox } = state
  state.pendingWrites.truncateAfter(log.commitIndex)
  log.resetTo(snapshot)
  state.memberships.reset({ index: snapshot.index, membership: snapshot.membership })
  outbox.resetTo(snapshot)
  outbox.emit({ type: 'snapshotInstalled', snapshot })
  outbox.emit({ type: 'membershipAdopted', index: snapshot.index, membership: snapshot.membership })
}

/** The fetch failed (snapshot deleted, or damaged in transit): asks the leader to offer another one. */
export function onSnapshotFetchFailed(state: RaftState, snapshot: SnapshotInfo): void {
  const { snapshotFetch } = state
  if (snapshotFetch?.snapshot.id !== snapshot.id) return
  state.snapshotFetch = undefined
  answer(state, snapshotFetch, 'failed')
}
