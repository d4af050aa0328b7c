/** Sends a message at once, or after the pending write of the term or vote it depends on (write before send). */
import type { Message } from '../messages.ts'
import type { RaftState } from '../state.ts'
import type { NodeId } from '../types.ts'

export function send(state: RaftState, to: NodeId, message: Message): void {
  if (state.outbox.isHardStateDirty || state.pendingWrites.isHardStatePending)
    state.outbox.sendOncePersisted(to, message)
  else state.outbox.sendNow(to, message)
}

/** Sends a message that depends on this step's own write (a vote request, accepted entries), once that is durable. */
export function sendOncePersisted(state: RaftState, to: NodeId, message: Message): void {
  state.outbox.sendOncePersisted(to, message)
}
