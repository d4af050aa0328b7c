/** Sends a leader's probes, pipelined blocks, heartbeats and snapshot offers to its followers (§5.3, §7; raft.tla AppendEntries). */
import type { AppendEntriesRequest } from '../messages.ts'
import type { Progress } from '../replication/progress.ts'
import type { LeaderState, RaftState } from '../state.ts'
import type { Block, LogIndex, Term } from '../types.ts'
import { chooseSnapshot } from './snapshot-source.ts'

/** Sends a follower everything it may receive now; at least one message if `mustSend` (a heartbeat, a round or a commit index is due). */
export function replicateTo(state: RaftState, leader: LeaderState, progress: Progress, mustSend: boolean): void {
  if (progress.hasLostEntries) return
  if (needsSnapshot(state, progress)) return sendSnapshotOffer(state, leader, progress)
  switch (progress.state.type) {
    case 'snapshot':
      if (mustSend) sendSnapshotOffer(state, leader, progress)
      return
    case 'probe':
      if (progress.state.isWaiting && !mustSend) return
      progress.state.isWaiting = true
      return sendBlocks(state, leader, progress)
    case 'replicate': {
      const { inflights } = progress.state
      let hasSent = false
      while (progress.nextIndex <= state.log.lastIndex && !inflights.isFull) {
        sendBlocks(state, leader, progress)
        hasSent = true
      }
      if (mustSend && !hasSent) sendAppendEntries(state, leader, progress, [])
    }
  }
}

/** Whether the entries that the follower needs are compacted, and no snapshot has been offered yet. */
function needsSnapshot({ log }: RaftState, { nextIndex, state }: Progress): boolean {
  return state.type !== 'snapshot' && (log.termAt(nextIndex - 1) === undefined || nextIndex <= log.baseIndex)
}

function sendSnapshotOffer(state: RaftState, leader: LeaderState, progress: Progress): void {
  if (state.log.snapshot === undefined) return
  const { snapshot, source } = chooseSnapshot(state, leader, state.log.snapshot, progress)
  const { state: before } = progress
  if (before.type !== 'snapshot' || before.snapshot.id !== snapshot.id || before.source !== source) {
    progress.becomeSnapshot({ snapshot, source })
    state.outbox.emit({ type: 'snapshotOffered', to: progress.id, snapshot, source })
  }
  state.outbox.sendNow(progress.id, {
    type: 'InstallSnapshotRequest',
    term: state.term,
    snapshot,
    ...(source === undefined ? {} : { source }),
    round: leader.rounds.current,
    session: progress.session,
  })
}

function sendBlocks(state: RaftState, leader: LeaderState, progress: Progress): void {
  const blocks = blocksFrom(state, progress.nextIndex)
  sendAppendEntries(state, leader, progress, blocks)
  if (progress.state.type !== 'replicate' || blocks.length === 0) return
  let bytes = 0
  for (const block of blocks) bytes += block.size
  const { first, count } = blocks[blocks.length - 1] as Block
  progress.nextIndex = first + count
  progress.state.inflights.add(first + count - 1, bytes)
}

/** The blocks of one message. The log keeps no memberships, so they are added to their blocks. */
function blocksFrom({ log, memberships, options }: RaftState, from: LogIndex): readonly Block[] {
  return log
    .blocksFrom(from, options.messageBytesMax)
    .map((block) =>
      block.kind === 'membership' ? { ...block, membership: memberships.at(block.first).membership } : block,
    )
}

function sendAppendEntries(state: RaftState, leader: LeaderState, progress: Progress, blocks: readonly Block[]): void {
  const prevIndex: LogIndex = progress.nextIndex - 1
  progress.sentCommitIndex = state.log.commitIndex
  progress.needsCommitIndex = false
  const request: AppendEntriesRequest = {
    type: 'AppendEntriesRequest',
    term: state.term,
    prevIndex,
    prevTerm: state.log.termAt(prevIndex) as Term,
    prevChain: state.log.chainAt(prevIndex) as number,
    commitIndex: state.log.commitIndex,
    blocks,
    round: leader.rounds.current,
    session: progress.session,
  }
  const { digestOfQuorum } = progress
  state.outbox.sendNow(progress.id, digestOfQuorum === undefined ? request : { ...request, digestOfQuorum })
}
