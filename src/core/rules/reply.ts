/** How an answer leaves: at once, or, while the term or vote it speaks in is not durable, only after that (write before speak). */
import type { Message } from '../messages.ts'
import type { RaftState } from '../state.ts'
import type { NodeId } from '../types.ts'

export function reply(state: RaftState, to: NodeId, message: Message): void {
  if (state.outbox.isHardStateDirty || state.disk.isHardStatePending) state.outbox.afterPersist(to, message)
  else state.outbox.sendNow(to, message)
}

/** For what vouches for this step's own write (a granted vote, entries accepted), whatever else is pending. */
export function replyOncePersisted(state: RaftState, to: NodeId, message: Message): void {
  state.outbox.afterPersist(to, message)
}
