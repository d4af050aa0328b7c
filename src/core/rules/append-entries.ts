/** Handles AppendEntries: consistency check, conflict hint, truncation, append, commit (§5.3; raft.tla HandleAppendEntriesRequest). */
import type { AppendEntriesRequest, AppendEntriesResponse } from '../messages.ts'
import type { RaftState } from '../state.ts'
import type { Block, LogIndex, NodeId } from '../types.ts'
import { appendBlock, truncateAfter } from './append.ts'
import { send, sendOncePersisted } from './send.ts'

export function handleAppendEntries(state: RaftState, from: NodeId, message: AppendEntriesRequest): void {
  if (!matchesPrev(state, message)) return reject(state, from, message)
  const missing = missingBlocks(state, message.blocks)
  const first = missing[0]
  const known = message.blocks.slice(0, message.blocks.length - missing.length)
  const violation = violationInKnown(state, known) ?? (first && violationInNew(state, first))
  if (violation !== undefined) return reportViolation(state, from, violation)
  if (first !== undefined && first.first <= state.log.lastIndex) truncateAfter(state, first.first - 1)
  for (const block of missing) appendBlock(state, block)
  const matchIndex = lastMatchIndex(message)
  commitUpTo(state, Math.min(message.commitIndex, matchIndex))
  accept(state, from, message, matchIndex)
}

/** The last index up to which this message proves the log equal to the leader's. Entries beyond it may differ. */
function lastMatchIndex(message: AppendEntriesRequest): LogIndex {
  const last = message.blocks[message.blocks.length - 1]
  return last === undefined ? message.prevIndex : last.first + last.count - 1
}

/** The consistency check. Committed entries have been compared already (diverge.ts). */
function matchesPrev(state: RaftState, { prevIndex, prevTerm }: AppendEntriesRequest): boolean {
  return prevIndex <= state.log.commitIndex || state.log.hasEntry(prevIndex, prevTerm)
}

/** The blocks from the first one that is missing or conflicts. A block is atomic: it is present if its first entry is. */
function missingBlocks(state: RaftState, blocks: readonly Block[]): readonly Block[] {
  const { log } = state
  const offset = blocks.findIndex(({ first, count, term }) => {
    if (first + count - 1 <= log.commitIndex) return false
    return !log.hasEntry(first, term)
  })
  return offset === -1 ? [] : blocks.slice(offset)
}

function commitUpTo(state: RaftState, index: LogIndex): void {
  const commit = state.log.floorToBoundary(index)
  if (commit > state.log.commitIndex) state.log.commitTo(commit)
}

/**
 * Acknowledges only what is durable. A response for blocks waits for their write; a heartbeat response acknowledges what is
 * durable already.
 */
function accept(state: RaftState, from: NodeId, message: AppendEntriesRequest, matchIndex: LogIndex): void {
  const { term, log } = state
  const isDurable = matchIndex <= log.persistedIndex
  const index = isDurable || message.blocks.length > 0 ? matchIndex : log.floorToBoundary(log.persistedIndex)
  const { round, session } = message
  const response = {
    type: 'AppendEntriesResponse',
    term,
    isAccepted: true,
    index,
    hintIndex: 0,
    hintTerm: 0,
    round,
    session,
    ...fitness(state),
  } as const
  if (index <= log.persistedIndex) send(state, from, response)
  else sendOncePersisted(state, from, response)
}

/** What the leader must know before it hands over to this node. */
function fitness({ log, shortage }: RaftState): Pick<AppendEntriesResponse, 'applyLag' | 'shortage'> {
  const applyLag = log.commitIndex - log.appliedIndex
  return { ...(applyLag === 0 ? {} : { applyLag }), ...(shortage === undefined ? {} : { shortage }) }
}

/** Rejects with a hint where the logs may match, for one probe per conflicting term (§5.3, "the protocol can be optimized"). */
function reject(state: RaftState, from: NodeId, message: AppendEntriesRequest): void {
  const { term, log } = state
  const { prevIndex: index, prevTerm, round, session } = message
  const hintIndex = Math.max(log.lastWithTermAtMost(index, prevTerm) ?? 0, log.commitIndex)
  const hintTerm = log.termAt(hintIndex) ?? 0
  send(state, from, {
    type: 'AppendEntriesResponse',
    term,
    isAccepted: false,
    index,
    hintIndex,
    hintTerm,
    round,
    session,
    ...fitness(state),
  })
}

function reportViolation(state: RaftState, from: NodeId, detail: string): void {
  state.outbox.emit({ type: 'protocolViolation', from, detail })
}

/** Why blocks this log already has are invalid: matching logs have the same block boundaries. */
function violationInKnown({ log }: RaftState, blocks: readonly Block[]): string | undefined {
  for (const { first, count } of blocks) {
    const end = first + count - 1
    if (end <= log.commitIndex) continue
    if (!log.isBoundary(first - 1) || !log.isBoundary(end))
      return `the block from ${first} to ${end} does not match the block boundaries of this log`
  }
  return undefined
}

/** Why the first new block is invalid: it splits a block. */
function violationInNew({ log }: RaftState, { first }: Block): string | undefined {
  return log.isBoundary(first - 1) ? undefined : `the block at ${first} starts inside a block of this log`
}
