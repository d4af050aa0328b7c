/** How far behind a member may be that is promoted or takes over. */
import type { LeaderState, RaftState } from '../state.ts'

/**
 * `caughtUpEntries`, or what the leader appended in the last one to two heartbeat intervals if that is more: thesis §4.2.1 compares the duration of a
 * round of replication with the election timeout. Under load every voter lacks that much, because it is on the way.
 */
export function lagMax({ options, log }: RaftState, { recent }: LeaderState): number {
  return Math.max(options.caughtUpEntries, log.lastIndex - recent.before)
}
