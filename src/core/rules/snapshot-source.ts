/** Chooses the snapshot for a member that needs one: that of a follower if one can be spared, so that the leader need not send it. */
import { isQuorum } from '../membership/quorum.ts'
import type { OfferedSnapshot, Progress } from '../replication/progress.ts'
import type { LeaderState, RaftState } from '../state.ts'
import type { NodeId, SnapshotInfo, SnapshotReport } from '../types.ts'

/**
 * The offer to a member that has not yet installed a snapshot. The first one is the newest of a follower, if there is a suitable one; it stays while that
 * follower accepts entries, and otherwise becomes the leader's `own`. The snapshot of which the member has a part comes first, on whichever node it is.
 */
export function chooseSnapshot(
  state: RaftState,
  leader: LeaderState,
  own: SnapshotInfo,
  { id, state: current, reported: fetching, avoidsSources }: Progress,
): OfferedSnapshot {
  const { now, features, log } = state
  const accepts = (member: NodeId): boolean => leader.progress.get(member)?.acceptsEntries(now) === true
  const shares = (member: NodeId): boolean => features.get(member)?.sharesSnapshots === true
  const isFirst = current.type !== 'snapshot'
  let best: OfferedSnapshot = { snapshot: own, source: undefined }
  if (!isFirst && (current.source === undefined || (accepts(current.source) && !avoidsSources))) best = current
  if (!state.options.snapshotsFromFollowers || avoidsSources || !shares(id)) return best
  for (const { id: source, reported, otherStateAt } of leader.progress.values()) {
    if (isSameContent(best.snapshot, fetching)) break
    if (source === id || reported === undefined || !accepts(source) || !shares(source) || otherStateAt !== undefined)
      continue
    const { index, term, chain } = reported
    const isNewest = isFirst && (best.source === undefined || index > best.snapshot.index)
    if (!isNewest && !isSameContent(reported, fetching)) continue
    // It covers committed entries of this log, which continues from there.
    if (index > log.commitIndex || !log.hasEntry(index, term) || log.chainAt(index) !== chain) continue
    if (!isQuorum(state.membership, (other) => other === state.id || (other !== source && accepts(other)))) continue
    best = { snapshot: { ...reported, membership: state.memberships.at(index).membership }, source }
  }
  return best
}

/** Whether a fetch of one continues with the other. */
function isSameContent({ chain, size, checksum }: SnapshotReport, other: SnapshotReport | undefined): boolean {
  return chain === other?.chain && size === other.size && checksum === other.checksum
}
