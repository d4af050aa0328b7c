/** The answers of a node that does not lead, or not any more: surely not done, and who leads as far as it knows. */
import type { Rejection } from '../effects.ts'
import type { Input } from '../inputs.ts'
import type { RaftState } from '../state.ts'

export function notLeader({ leader }: RaftState): Rejection {
  return leader === undefined ? { reason: 'no-leader', leader } : { reason: 'not-leader', leader }
}

/** Settles an input that somebody waits for; of others there is nothing to say. */
export function rejectInput(state: RaftState, input: Input, rejection: Rejection): void {
  const { settle } = state.outbox
  switch (input.type) {
    case 'propose':
      settle.push({ type: 'rejected', proposal: input.proposal, rejection })
      return
    case 'read':
      settle.push({ type: 'readRejected', read: input.read, rejection })
      return
    case 'changeMembership':
      settle.push({ type: 'changeRejected', request: input.request, rejection })
      return
    case 'transfer':
      settle.push({ type: 'transferRejected', request: input.request, rejection })
  }
}
