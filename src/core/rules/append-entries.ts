/** Handles AppendEntries: consistency check, conflict hint, truncation, append, commit (§5.3; raft.tla HandleAppendEntriesRequest). */
import type { AppendEntriesRequest, AppendEntriesResponse } from '../messages.ts'
import type { RaftState } from '../state.ts'
import type { Block, LogIndex, Mutable, NodeId, SnapshotReport } from '../types.ts'
import { appendBlock, truncateAfter } from './append.ts'
import { send, sendOncePersisted } from './send.ts'

type Response = Mutable<AppendEntriesResponse>

export function handleAppendEntries(state: RaftState, from: NodeId, message: AppendEntriesRequest): void {
  if (!matchesPrev(state, message)) return reject(state, from, message)
  const missing = missingBlocks(state, message.blocks)
  const first = missing[0]
  if (first !== undefined && first.first <= state.log.lastIndex) truncateAfter(state, first.first - 1)
  for (const block of missing) appendBlock(state, block)
  const matchIndex = lastMatchIndex(message)
  if (missing.length > 0) state.log.agreedIndex = matchIndex
  commitUpTo(state, Math.min(message.commitIndex, matchIndex))
  accept(state, from, message, matchIndex)
}

/** The last index up to which this message proves the log equal to the leader's. Entries beyond it may differ. */
function lastMatchIndex(message: AppendEntriesRequest): LogIndex {
  const last = message.blocks[message.blocks.length - 1]
  return last === undefined ? message.prevIndex : last.first + last.count - 1
}

/** The consistency check. Committed entries, and the contents of all that are here, have been compared already (diverge.ts). */
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
  const response: Response = {
    type: 'AppendEntriesResponse',
    term,
    isAccepted: true,
    index,
    hintIndex: 0,
    hintTerm: 0,
    chain: log.chainAt(index),
    round,
    session,
  }
  report(state, response, message.blocks.length > 0 ? undefined : log.snapshot)
  if (state.digests.latest !== undefined) response.digest = state.digests.latest
  if (index <= log.persistedIndex) send(state, from, response)
  else sendOncePersisted(state, from, response)
}

/** What the leader must know before it hands over to this node, and of which snapshot this node has the bytes, or a part. */
function report({ log, shortage, writeMs }: RaftState, response: Response, snapshot: SnapshotReport | undefined): void {
  const applyLag = log.commitIndex - log.appliedIndex
  if (applyLag !== 0) response.applyLag = applyLag
  if (shortage !== undefined) response.shortage = shortage
  if (writeMs !== 0) response.writeMs = writeMs
  if (snapshot !== undefined) response.snapshot = snapshot
}

/** Rejects with a hint where the logs may match, for one probe per conflicting term (§5.3, "the protocol can be optimized"). */
function reject(state: RaftState, from: NodeId, message: AppendEntriesRequest): void {
  const { term, log } = state
  const { prevIndex: index, prevTerm, round, session } = message
  const hintIndex = Math.max(log.lastWithTermAtMost(index, prevTerm) ?? 0, log.commitIndex)
  const hintTerm = log.termAt(hintIndex) ?? 0
  const response: Response = {
    type: 'AppendEntriesResponse',
    term,
    isAccepted: false,
    index,
    hintIndex,
    hintTerm,
    chain: undefined,
    round,
    session,
  }
  report(state, response, state.snapshotFetch?.snapshot)
  send(state, from, response)
}
