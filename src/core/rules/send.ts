/** How an answer leaves: at once, or, while the term or vote it speaks in is not durable, only after that (write before speak). */
import type { Message } from '../messages.ts'
import type { RaftState } from '../state.ts'
import type { NodeId } from '../types.ts'

export function send(state: RaftState, to: NodeId, message: Message): void {
  if (state.outbox.isHardStateDirty || state.pendingWrites.isHardStatePending)
    state.outbox.sendOncePersisted(to, message)
  else state.outbox.sendNow(to, message)
}

/** For what vouches for this step's own write (a granted vote, entries accepted), whatever else is pending. */
export function sendOncePersisted(state: RaftState, to: NodeId, message: Message): void {
  state.outbox.sendOncePersisted(to, message)
}
