/** Stops the node when a leader's log contradicts an entry that is committed here: proof that the cluster lost or forked committed data. */
import type { AppendEntriesRequest, InstallSnapshotRequest } from '../messages.ts'
import type { RaftState } from '../state.ts'
import type { EntryId, LogIndex, NodeId, Term } from '../types.ts'

/** An entry of which this log and the leader's hold different versions, although it is committed here. */
interface Contradiction {
  readonly index: LogIndex
  readonly ownTerm: Term
  readonly leaderTerm: Term
}

/**
 * Compares what the message says of entries up to the commit index with this log. The leader of a term holds every entry committed before
 * (§5.4.3, Leader Completeness), so a difference is never a matter of timing. Terms that are compacted here are not compared.
 */
export function findContradiction(
  { log }: RaftState,
  message: AppendEntriesRequest | InstallSnapshotRequest,
): Contradiction | undefined {
  for (const { index, term } of entriesNamedIn(message)) {
    if (index > log.commitIndex) break
    const ownTerm = log.termAt(index)
    if (ownTerm !== undefined && ownTerm !== term) return { index, ownTerm, leaderTerm: term }
  }
  return undefined
}

/** In ascending order of their indexes. */
function* entriesNamedIn(message: AppendEntriesRequest | InstallSnapshotRequest): Iterable<EntryId> {
  if (message.type === 'InstallSnapshotRequest') {
    yield message.snapshot
    return
  }
  yield { index: message.prevIndex, term: message.prevTerm }
  for (const { first, term } of message.blocks) yield { index: first, term }
}

/** Nothing is sent, truncated or applied from here on: each of the two logs may be the only copy of acknowledged entries. */
export function stopDiverged(state: RaftState, from: NodeId, { index, ownTerm, leaderTerm }: Contradiction): void {
  state.stopped = `entry ${index} is committed here in term ${ownTerm}, but ${from}, which leads term ${state.term}, holds it in term ${leaderTerm}`
  state.outbox.emit({ type: 'diverged', from, index, ownTerm, leaderTerm })
}
