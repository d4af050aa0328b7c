/** What no correct node says (a bug, damage or malice): told apart at the door, so that no rule behind it need fear a number. */
import { membershipProblem } from '../membership/membership.ts'
import type { AppendEntriesRequest, InstallSnapshotRequest, Message } from '../messages.ts'
import type { Block } from '../types.ts'

/** Beyond it lies no honest term: whoever spoke in the last safe integer would leave nobody a higher one to campaign in. */
const TERM_MAX = 2 ** 52
/** Beyond it ends no honest log: what is appended after it must still be counted exactly. */
const INDEX_MAX = 2 ** 52

/** What is wrong with a message whatever this node's state is, or undefined. */
export function validateMessage(message: Message): string | undefined {
  if (message.term > TERM_MAX) return `its term ${message.term} is no term`
  switch (message.type) {
    case 'AppendEntriesRequest':
      return validateBlocks(message)
    case 'InstallSnapshotRequest':
      return validateSnapshot(message)
    default:
      return undefined
  }
}

/** Blocks are contiguous, and terms never fall along a log nor rise above the leader's. */
function validateBlocks(message: AppendEntriesRequest): string | undefined {
  let end = message.prevIndex + 1
  let term = message.prevTerm
  for (const block of message.blocks) {
    if (block.first !== end) return `its blocks are not contiguous at ${end}`
    if (block.term < term || block.term > message.term) return `the term of its block at ${end} is out of order`
    const problem = validateBlock(block)
    if (problem !== undefined) return `its block at ${end} ${problem}`
    end = block.first + block.count
    term = block.term
  }
  return undefined
}

function validateBlock({ first, count, kind, membership }: Block): string | undefined {
  if (count < 1) return 'is empty'
  if (first + count > INDEX_MAX) return 'ends beyond all logs'
  if (kind !== 'commands' && count !== 1) return `is a ${kind} of ${count} entries`
  if ((kind === 'membership') !== (membership !== undefined))
    return `is of kind ${kind} and its membership says otherwise`
  if (membership === undefined) return undefined
  const problem = membership.voters.length === 0 ? 'nobody votes' : membershipProblem(membership)
  return problem === undefined ? undefined : `holds a membership in which ${problem}`
}

/** Its membership may be that of nobody yet: a joining node takes snapshots before it has read who is in. */
function validateSnapshot({ term, snapshot }: InstallSnapshotRequest): string | undefined {
  if (snapshot.index > INDEX_MAX) return `its snapshot at ${snapshot.index} lies beyond all logs`
  if (snapshot.term > term) return `its snapshot is of term ${snapshot.term}, which is yet to come`
  const problem = membershipProblem(snapshot.membership)
  return problem === undefined ? undefined : `its snapshot holds a membership in which ${problem}`
}
