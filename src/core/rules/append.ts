/** Appends blocks to the log and truncates it, and keeps the membership and the pending writes in step. */
import { assert } from '../assert.ts'
import { isMember } from '../membership/membership.ts'
import type { RaftState } from '../state.ts'
import type { Block, LogIndex, Membership } from '../types.ts'

export function appendBlock(state: RaftState, block: Block): void {
  assert(block.first === state.log.lastIndex + 1, 'entries are appended at the end')
  state.log.append(block)
  state.outbox.appendBlock(block)
  if (block.membership === undefined) return
  forgetDirectoryIds(state, block.membership)
  state.memberships.append(block.first, block.membership)
  state.outbox.emit({ type: 'membershipAdopted', index: block.first, membership: block.membership })
}

/** Drops the conflicting suffix after `index`. Memberships in it are reverted (§6: the latest membership in the log is in force). */
export function truncateAfter(state: RaftState, index: LogIndex): void {
  const dropped = state.log.truncateAfter(index)
  state.pendingWrites.truncateAfter(index)
  state.outbox.truncate(index)
  state.outbox.emit({ type: 'logTruncated', after: index, dropped })
  if (!state.memberships.truncateAfter(index)) return
  const { current } = state.memberships
  state.outbox.emit({ type: 'membershipReverted', index: current.index, membership: current.membership })
}

/** Forgets the directory ids of removed members: they may rejoin with a new disk. */
function forgetDirectoryIds(state: RaftState, next: Membership): void {
  for (const { id } of state.membership.members) if (!isMember(next, id)) state.seenPeers.delete(id)
}
