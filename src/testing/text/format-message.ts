/** Formats messages, blocks and memberships for scenarios and traces. An entry is written index@term. */
import type { PeerMessage } from '../../contracts/transport.ts'
import type { Message } from '../../core/messages.ts'
import type { Block, Membership, NodeId } from '../../core/types.ts'

/** For example 'a→b AppendEntries term=2 prev=4@1 [5@2] commit=4'. */
export function formatMessage(from: NodeId, to: NodeId, message: Message | PeerMessage): string {
  return `${from}→${to} ${formatBody(message)}`
}

function formatBody(message: Message | PeerMessage): string {
  const term = `term=${message.term}`
  switch (message.type) {
    case 'RequestVoteRequest':
      return `RequestVote ${term} last=${message.lastIndex}@${message.lastTerm}${message.isTransfer ? ' transfer' : ''}`
    case 'RequestVoteResponse':
      return `RequestVote ${message.isGranted ? 'granted' : 'refused'} ${term}`
    case 'PreVoteRequest':
      return `PreVote ${term} last=${message.lastIndex}@${message.lastTerm}`
    case 'PreVoteResponse':
      return `PreVote ${message.isGranted ? 'granted' : 'refused'} ${term}${message.isRemoved ? ' removed' : ''}`
    case 'AppendEntriesRequest':
      return `AppendEntries ${term} prev=${message.prevIndex}@${message.prevTerm} ${formatBlocks(message.blocks)} commit=${message.commitIndex}`
    case 'AppendEntriesResponse':
      if (message.isAccepted) return `AppendEntries accepted ${term} match=${message.index}`
      return `AppendEntries rejected ${term} prev=${message.index} hint=${message.hintIndex}@${message.hintTerm}`
    case 'InstallSnapshotRequest':
      return `InstallSnapshot ${term} snapshot=${message.snapshot.index}@${message.snapshot.term}${message.source === undefined ? '' : ` of ${message.source}`}`
    case 'InstallSnapshotResponse':
      return `InstallSnapshot ${message.outcome} ${term} index=${message.index}`
    case 'TimeoutNow':
      return `TimeoutNow ${term}`
    case 'ReadIndexRequest':
      return `ReadIndex ${term}`
    case 'ReadIndexResponse':
      return `ReadIndex ${message.index === undefined ? 'refused' : `answered index=${message.index}`} ${term}`
    case 'ProposeRequest':
      return `Propose ${term} ticket=${message.ticket} count=${message.count}`
    case 'ProposeResponse':
      if (message.first !== undefined) return `Propose accepted ${term} at ${message.first}`
      return `Propose ${message.rejection === undefined ? 'unknown' : `rejected (${message.rejection.reason})`} ${term}`
  }
}

/** For example '[5@2 6-7@2 8@3:noop]'. */
export function formatBlocks(blocks: readonly Block[]): string {
  return `[${blocks.map(formatBlock).join(' ')}]`
}

function formatBlock({ first, count, term, kind, membership }: Block): string {
  const place = count === 1 ? `${first}@${term}` : `${first}-${first + count - 1}@${term}`
  if (kind === 'commands') return place
  return membership === undefined ? `${place}:${kind}` : `${place}:${formatMembership(membership)}`
}

/** For example '(a b c)'; '(a b d)&(a b c)' if joint; '(a b c +d)' with a learner. */
export function formatMembership({ voters, outgoing, learners }: Membership): string {
  const learning = learners.map((id) => ` +${id}`).join('')
  const half = `(${voters.join(' ')}${learning})`
  return outgoing.length === 0 ? half : `${half}&(${outgoing.join(' ')})`
}
