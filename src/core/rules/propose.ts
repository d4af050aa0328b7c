/** Appends proposed commands as one block, or rejects them at a limit (raft.tla ClientRequest). */
import type { ForwardAnswer } from '../forwarding/forward-records.ts'
import type { ForwardRejection } from '../messages.ts'
import type { LeaderState, RaftState } from '../state.ts'
import { appendBlock } from './append.ts'

export interface Proposal {
  readonly proposal: number
  readonly count: number
  readonly size: number
  readonly checksum: number
  readonly payload: unknown
}

export function propose(state: RaftState, leader: LeaderState, input: Proposal): void {
  const { proposal } = input
  const result = appendProposal(state, leader, input)
  if (result.first !== undefined)
    state.outbox.settle.push({ type: 'accepted', proposal, first: result.first, term: state.term })
  else state.outbox.settle.push({ type: 'rejected', proposal, rejection: result.rejection })
}

/** Appends the commands of this node or of a follower. */
export function appendProposal(
  state: RaftState,
  leader: LeaderState,
  input: Omit<Proposal, 'proposal'>,
): ForwardAnswer {
  const { count, size, checksum, payload } = input
  const rejection = rejectionOf(state, leader, count, size)
  if (rejection !== undefined) return { rejection }
  const first = state.log.lastIndex + 1
  appendBlock(state, { first, term: state.term, count, size, kind: 'commands', checksum, payload })
  return { first }
}

function rejectionOf(state: RaftState, leader: LeaderState, count: number, size: number): ForwardRejection | undefined {
  const { log, options } = state
  if (leader.transfer !== undefined) return { reason: 'transferring', to: leader.transfer.to }
  const entries = log.lastIndex - log.commitIndex
  const { uncommittedEntriesMax, uncommittedBytesMax } = options
  if (entries + count > uncommittedEntriesMax) {
    return { reason: 'overloaded', limit: 'uncommittedEntriesMax', value: entries, max: uncommittedEntriesMax }
  }
  const bytes = log.uncommittedBytes
  if (bytes > 0 && bytes + size > uncommittedBytesMax) {
    return { reason: 'overloaded', limit: 'uncommittedBytesMax', value: bytes, max: uncommittedBytesMax }
  }
  return undefined
}
