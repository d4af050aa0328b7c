/** Passes entries to the state machine once they are committed and durable on this node. */
import type { RaftState } from '../state.ts'

export function applyCommitted(state: RaftState): void {
  const { log, outbox } = state
  const ready = log.floorToBoundary(Math.min(log.commitIndex, log.persistedIndex))
  if (ready <= log.applyingIndex) return
  outbox.apply = { from: outbox.apply?.from ?? log.applyingIndex + 1, to: ready + 1 }
  log.applyingIndex = ready
}
