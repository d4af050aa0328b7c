/** Detects a follower that has lost entries it acknowledged as durable: its disk lied, or was replaced by an older copy. */
import type { Progress } from '../replication/progress.ts'
import type { LeaderState, RaftState } from '../state.ts'
import type { LogIndex } from '../types.ts'

/** Begins a heartbeat round. Every request of this round or a later one is sent after what each follower has acknowledged by now. */
export function beginRound(state: RaftState, leader: LeaderState): number {
  const round = leader.rounds.begin(state.now)
  for (const progress of leader.progress.values()) progress.recordRound(state.now, round)
  return round
}

/**
 * The follower has answered a request of `round`, and does not have the entry at `index`. Returns whether that proves a loss: a follower
 * never drops an entry of its leader within a term, so it must have lost an index that it had acknowledged before the request was sent.
 * Responses to earlier requests prove nothing; they may be late.
 */
export function detectLostEntries(state: RaftState, progress: Progress, round: number, index: LogIndex): boolean {
  const { provenIndex: acknowledged, provenRound } = progress
  if (index > acknowledged || round < provenRound) return false
  progress.distrust()
  state.outbox.emit({ type: 'acknowledgementLost', peer: progress.id, acknowledged, missing: index })
  return true
}
