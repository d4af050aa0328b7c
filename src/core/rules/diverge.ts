/** Stops the node when a leader's log contradicts this one in a way that no order of messages explains: data was lost, forked or damaged. */

import type { ChainsAt } from '../events.ts'
import { chainAfter } from '../log/chain.ts'
import type { AppendEntriesRequest, InstallSnapshotRequest } from '../messages.ts'
import type { RaftState } from '../state.ts'
import type { LogIndex, NodeId, Term } from '../types.ts'

/** A place at which this log and the leader's differ although they must be equal there. */
export interface Contradiction {
  readonly index: LogIndex
  readonly ownTerm: Term
  readonly leaderTerm: Term
  /** Set if the terms are equal: then the contents of entries differ, at `index` or before. */
  readonly chains: ChainsAt | undefined
}

/** What a message says of the leader's log: the term of the entries from `first` to `index`, and the hash chain at `index`. */
interface Claim {
  readonly first: LogIndex
  readonly index: LogIndex
  readonly term: Term
  readonly chain: number
}

/**
 * Compares what the message says of the leader's log with this one. Two differences are never a matter of timing: another term at an
 * entry that is committed here (§5.4.3, Leader Completeness), and another content where the terms are equal (§5.3, Log Matching), committed
 * or not; other blocks are another content. What is compacted here is not compared. Also records how far the logs agree.
 */
export function findContradiction(
  { log }: RaftState,
  message: AppendEntriesRequest | InstallSnapshotRequest,
): Contradiction | undefined {
  for (const { first, index, term, chain } of claimsOf(message)) {
    if (first > log.lastIndex) break
    // A block ends where this log is compacted to, on every node.
    if (first <= log.baseIndex && index > log.baseIndex) return differentContent(log.baseIndex, term, undefined, chain)
    const ownTerm = index === log.baseIndex ? (log.baseTerm ?? term) : log.termAt(first)
    if (ownTerm === undefined) continue
    if (ownTerm !== term) {
      if (first <= log.commitIndex) return { index: first, ownTerm, leaderTerm: term, chains: undefined }
      break // The entries from here on are not committed, and are replaced.
    }
    // A block is atomic: it is here if its first entry is.
    const own = log.chainAt(index)
    if (own !== chain) return differentContent(index, term, own, chain)
    log.agreedIndex = Math.max(log.agreedIndex, index)
  }
  return undefined
}

function differentContent(index: LogIndex, term: Term, own: number | undefined, leader: number): Contradiction {
  return { index, ownTerm: term, leaderTerm: term, chains: { own, leader } }
}

/** In ascending order of their indexes. */
function* claimsOf(message: AppendEntriesRequest | InstallSnapshotRequest): Iterable<Claim> {
  if (message.type === 'InstallSnapshotRequest') {
    const { index, term, chain } = message.snapshot
    yield { first: index, index, term, chain }
    return
  }
  const { prevIndex, prevTerm, prevChain } = message
  yield { first: prevIndex, index: prevIndex, term: prevTerm, chain: prevChain }
  let chain = prevChain
  for (const block of message.blocks) {
    chain = chainAfter(chain, block)
    yield { first: block.first, index: block.first + block.count - 1, term: block.term, chain }
  }
}

/** Nothing is sent, truncated or applied from here on: each of the two logs may be the only copy of acknowledged entries. */
export function stopDiverged(state: RaftState, from: NodeId, contradiction: Contradiction): void {
  const { index, ownTerm, leaderTerm, chains } = contradiction
  const { commitIndex, agreedIndex } = state.log
  const leads = `${from}, which leads term ${state.term}`
  state.stopped =
    chains === undefined
      ? `entry ${index} is committed here in term ${ownTerm}, but ${leads}, holds it in term ${leaderTerm}`
      : `${leads}, holds other content than this log in the entries from ${agreedIndex + 1} to ${index}, whose terms are equal`
  state.outbox.emit({ type: 'diverged', from, index, agreedIndex, commitIndex, ownTerm, leaderTerm, chains })
}
