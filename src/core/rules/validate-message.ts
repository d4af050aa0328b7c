/** Validates messages independently of this node's state, so that later code may trust every field. */
import { membershipProblem } from '../membership/membership.ts'
import type { AppendEntriesRequest, InstallSnapshotRequest, Message, ProposeRequest } from '../messages.ts'
import type { Block } from '../types.ts'

/** Higher terms are rejected, so that a term can always be incremented within the safe integers. */
const TERM_MAX = 2 ** 52
/** Higher indexes are rejected, so that indexes stay safe integers when entries are appended. */
const INDEX_MAX = 2 ** 52

/** Returns why a message is invalid, or undefined if it is valid. */
export function validateMessage(message: Message): string | undefined {
  if (message.term > TERM_MAX) return `term ${message.term} is too large`
  switch (message.type) {
    case 'AppendEntriesRequest':
      return validateBlocks(message)
    case 'InstallSnapshotRequest':
      return validateSnapshot(message)
    case 'ProposeRequest':
      return validateProposal(message)
    default:
      return undefined
  }
}

/** Blocks must be contiguous, and their terms must neither decrease nor exceed the leader's. */
function validateBlocks(message: AppendEntriesRequest): string | undefined {
  if (!isChecksum(message.prevChain)) return `the hash chain before the blocks is ${message.prevChain}, not a checksum`
  let end = message.prevIndex + 1
  let term = message.prevTerm
  for (const block of message.blocks) {
    if (block.first !== end) return `the blocks are not contiguous at ${end}`
    if (block.term < term || block.term > message.term) return `the term of the block at ${end} is out of order`
    const problem = validateBlock(block)
    if (problem !== undefined) return `the block at ${end} ${problem}`
    end = block.first + block.count
    term = block.term
  }
  return undefined
}

/** The ticket and the lowest one bound what the leader remembers. */
function validateProposal({ origin, ticket, lowest, count, size, checksum }: ProposeRequest): string | undefined {
  if (![origin, ticket, lowest, count, size].every((number) => Number.isSafeInteger(number) && number >= 1))
    return 'the proposal has a number that is not an integer from 1 on'
  if (lowest > ticket) return `the ticket ${ticket} of the proposal is below the lowest one, ${lowest}`
  return isChecksum(checksum) ? undefined : 'the proposal has no checksum'
}

function isChecksum(value: number | undefined): boolean {
  return value !== undefined && Number.isInteger(value) && value >= 0 && value < 2 ** 32
}

function validateBlock({ first, count, kind, checksum, membership }: Block): string | undefined {
  if (count < 1) return 'is empty'
  if (first + count > INDEX_MAX) return 'exceeds the maximum index'
  if (kind === 'commands' && !isChecksum(checksum)) return 'has no checksum'
  if (kind !== 'commands' && count !== 1) return `is a ${kind} block of ${count} entries`
  if ((kind === 'membership') !== (membership !== undefined))
    return `is a ${kind} block ${membership === undefined ? 'without' : 'with'} a membership`
  if (membership === undefined) return undefined
  const problem = membership.voters.length === 0 ? 'there are no voters' : membershipProblem(membership)
  return problem === undefined ? undefined : `has an invalid membership: ${problem}`
}

/** The membership may be empty: a joining node takes snapshots before its log contains a membership. */
function validateSnapshot({ term, snapshot }: InstallSnapshotRequest): string | undefined {
  if (!isChecksum(snapshot.chain)) return `the hash chain of the snapshot is ${snapshot.chain}, not a checksum`
  if (snapshot.index > INDEX_MAX) return `the snapshot at ${snapshot.index} exceeds the maximum index`
  if (snapshot.term > term) return `the term ${snapshot.term} of the snapshot is higher than that of the message`
  const problem = membershipProblem(snapshot.membership)
  return problem === undefined ? undefined : `the snapshot has an invalid membership: ${problem}`
}
