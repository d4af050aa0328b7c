/** Rejects requests that this node cannot serve, because it is not the leader or has stopped. */
import type { Rejection } from '../effects.ts'
import type { Input } from '../inputs.ts'
import type { RaftState } from '../state.ts'

export function notLeader({ leader }: RaftState): Rejection {
  return leader === undefined ? { reason: 'no-leader', leader } : { reason: 'not-leader', leader }
}

/** Terms never decrease: an earlier term than this node's is over. In a later one this node does not lead, even if it has not heard of it yet. */
export function otherTerm({ term, leader }: RaftState, input: Input): Rejection | undefined {
  if (input.type !== 'propose' || input.expectTerm === undefined || input.expectTerm === term) return undefined
  return input.expectTerm < term ? { reason: 'other-term', term, leader } : { reason: 'no-leader', leader: undefined }
}

/** Settles the input as rejected if a caller waits for it; ignores other inputs. */
export function rejectInput(state: RaftState, input: Input, rejection: Rejection): void {
  const { outbox } = state
  switch (input.type) {
    case 'propose':
      outbox.settle.push({ type: 'rejected', proposal: input.proposal, rejection })
      return
    case 'read':
      return outbox.rejectRead(input.read, rejection)
    case 'changeMembership':
      outbox.settle.push({ type: 'changeRejected', request: input.request, rejection })
      return
    case 'transfer':
      outbox.rejectTransfer(input.request, rejection)
  }
}
