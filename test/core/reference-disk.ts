/** A second opinion on what a node has on disk: says when a message speaks of what is not there yet, and when a write does not fit. */
import assert from 'node:assert/strict'
import type { HardState, LogIndex, Message, NodeId, Outgoing, Persist } from '../../src/core/index.ts'
import { type BlockHeader, BlockList } from '../../src/log-format/block-list.ts'

export class ReferenceDisk {
  readonly #id: NodeId
  #hardState: HardState
  #blocks: BlockList
  #snapshotIndex: LogIndex = 0
  readonly #pending: Persist[] = []

  constructor(id: NodeId, hardState: HardState, blocks: readonly BlockHeader[]) {
    this.#id = id
    this.#hardState = hardState
    this.#blocks = new BlockList({ index: 0, term: 0 }, blocks)
  }

  get lastIndex(): LogIndex {
    return this.#blocks.last.index
  }

  get pending(): number {
    return this.#pending.length
  }

  begin(write: Persist): void {
    this.#pending.push(write)
  }

  /** The oldest write becomes durable, and what waited for it leaves. Returns its number. */
  complete(): number | undefined {
    const write = this.#pending.shift()
    if (write === undefined) return undefined
    const { snapshot, truncateAfter, compactTo, hardState } = write
    const blocks = write.blocks.map(headOf)
    this.#blocks.apply(
      this.#blocks.plan({ snapshot: snapshot as never, truncateAfter, compactTo, blocks }, this.#snapshotIndex),
    )
    this.#snapshotIndex = snapshot?.info.index ?? this.#snapshotIndex
    if (hardState !== undefined) {
      assert.ok(hardState.term >= this.#hardState.term, 'the term on disk never falls')
      const isSameVote = this.#hardState.votedFor === undefined || hardState.votedFor === this.#hardState.votedFor
      assert.ok(hardState.term > this.#hardState.term || isSameVote, 'a vote on disk is never changed')
      this.#hardState = hardState
    }
    for (const { to, message } of write.then) this.checkSent({ to, message })
    return write.number
  }

  /** Write before speak: nothing leaves that a crash at this moment would unsay. */
  checkSent({ to, message }: Outgoing): void {
    const { term, votedFor } = this.#hardState
    assert.ok(requiredTerm(message) <= term, `${message.type} speaks in term ${message.term}, on disk is ${term}`)
    const isOfThisTerm = message.term === term
    switch (message.type) {
      case 'RequestVoteRequest':
        assert.ok(!isOfThisTerm || votedFor === this.#id, 'a candidate has its own vote on disk')
        return
      case 'RequestVoteResponse':
        assert.ok(!message.isGranted || !isOfThisTerm || votedFor === to, 'a vote given is on disk')
        return
      case 'AppendEntriesResponse':
        assert.ok(!message.isAccepted || message.index <= this.lastIndex, 'what is acknowledged is on disk')
        return
      case 'InstallSnapshotResponse':
        assert.ok(message.outcome !== 'installed' || message.index <= this.lastIndex, 'what is installed is on disk')
    }
  }
}

/** A pre-vote speaks of a term nobody is in yet. */
function requiredTerm(message: Message): number {
  const isOfNextTerm = message.type === 'PreVoteRequest' || (message.type === 'PreVoteResponse' && message.isGranted)
  return isOfNextTerm ? 0 : message.term
}

function headOf({ first, term, kind, count, size, membership }: Persist['blocks'][number]): BlockHeader {
  return { first, term, kind, count, size, membership }
}
