/** Reports a message that breaks the rules of Raft. It is ignored. */
import type { RaftState } from '../state.ts'
import type { NodeId } from '../types.ts'

export function reportViolation({ outbox }: RaftState, from: NodeId, detail: string): void {
  outbox.emit({ type: 'protocolViolation', from, detail })
}
