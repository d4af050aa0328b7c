/** Noticing what the commit index says of the membership: that one is settled, or that this node is no part of it any more. */
import type { RaftState } from '../state.ts'
import type { LogIndex } from '../types.ts'

/** After the commit index rose from `before`. */
export function onMembershipCommitted(state: RaftState, before: LogIndex): void {
  const { log, memberships, outbox } = state
  const { index, membership } = memberships.at(log.commitIndex)
  if (index <= before) return
  outbox.emit({ type: 'membershipCommitted', index, membership })
  const wasRemoved = memberships.wasRemoved(state.id, log.commitIndex)
  if (wasRemoved && !state.isRemoved) {
    outbox.emit({ type: 'removed', index })
    // The commit index is written, so that the node knows it still after a restart and does not come back as a member.
    outbox.isHardStateDirty = true
  }
  state.isRemoved = wasRemoved
}
