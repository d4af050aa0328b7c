/** Checks of a log that was read from the disk against the hard state, and the errors of a damaged log. */
import type { LogIndex, SnapshotInfo } from '../core/types.ts'
import type { BlockList } from '../log-format/block-list.ts'
import type { HardStateRecord } from './hard-state-file.ts'
import { corrupt } from './storage-errors.ts'

export interface RecoveredLog {
  readonly log: Pick<BlockList, 'base' | 'last'>
  readonly snapshot: SnapshotInfo | undefined
  readonly commitIndex: LogIndex
}

/** Throws ERR_RAFT_CORRUPT if the log contradicts the hard state or its own snapshot. */
export function checkHardState(
  hardState: HardStateRecord,
  { log: { last, base }, snapshot, commitIndex }: RecoveredLog,
  location: string,
): void {
  const damaged = (what: string): Error => damagedLog(location, last.index, last.index, what)
  if (last.term > hardState.term || (snapshot?.term ?? 0) > hardState.term)
    throw corrupt(`term and vote are older than the log: term ${hardState.term}, but the log has term ${last.term}`, {
      term: hardState.term,
      lastTerm: last.term,
    })
  if (Math.max(hardState.commitIndex, commitIndex) > last.index)
    throw damaged(`entries up to ${Math.max(hardState.commitIndex, commitIndex)} were committed`)
  if (base.index > (snapshot?.index ?? 0))
    throw damaged(`it starts after ${base.index}, and no snapshot covers the entries before`)
  if (snapshot !== undefined && snapshot.index > last.index) throw damaged(`its snapshot is at ${snapshot.index}`)
}

/** The error for entries that are missing or damaged after the last good one. */
export function damagedLog(
  location: string,
  lastGood: LogIndex,
  lastKnown: LogIndex,
  what: string,
  cause?: unknown,
): Error {
  const firstBadIndex = lastGood + 1
  const span = lastKnown > firstBadIndex ? `from ${firstBadIndex} to ${lastKnown}` : `from ${firstBadIndex} on`
  return corrupt(
    `the log in ${location} is damaged ${span}; those entries may be committed (the last good one is ${lastGood}): ${what}`,
    { file: location, firstBadIndex, lastGoodIndex: lastGood, lastKnownIndex: lastKnown },
    cause,
  )
}
