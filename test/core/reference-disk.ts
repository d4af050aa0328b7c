/** A simple model of a node's disk. Checks that writes fit, and that messages depend only on durable state. */
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

  /** Completes the oldest write, checks the messages that waited for it, and returns its number. */
  complete(): number | undefined {
    const write = this.#pending.shift()
    if (write === undefined) return undefined
    const { snapshot, truncateAfter, compactTo, hardState } = write
    const blocks = write.blocks.map(headOf)
    const list = { snapshot: snapshot as never, truncateAfter, compactTo, blocks }
    this.#blocks.apply(this.#blocks.plan(list, this.#snapshotIndex), blocks)
    this.#snapshotIndex = snapshot?.info.index ?? this.#snapshotIndex
    if (hardState !== undefined) {
      assert.ok(hardState.term >= this.#hardState.term, 'the durable term never decreases')
      const isSameVote = this.#hardState.votedFor === undefined || hardState.votedFor === this.#hardState.votedFor
      assert.ok(hardState.term > this.#hardState.term || isSameVote, 'a durable vote never changes within its term')
      this.#hardState = hardState
    }
    for (const { to, message } of write.then) this.checkSent({ to, message })
    return write.number
  }

  /** Write before send: a crash must not revoke anything that a message depends on. */
  checkSent({ to, message }: Outgoing): void {
    const { term, votedFor } = this.#hardState
    assert.ok(
      requiredTerm(message) <= term,
      `${message.type} has term ${message.term}, but the durable term is ${term}`,
    )
    const isOfThisTerm = message.term === term
    switch (message.type) {
      case 'RequestVoteRequest':
        assert.ok(!isOfThisTerm || votedFor === this.#id, 'the vote of a candidate for itself is durable')
        return
      case 'RequestVoteResponse':
        assert.ok(!message.isGranted || !isOfThisTerm || votedFor === to, 'a granted vote is durable')
        return
      case 'AppendEntriesResponse':
        assert.ok(!message.isAccepted || message.index <= this.lastIndex, 'acknowledged entries are durable')
        return
      case 'InstallSnapshotResponse':
        assert.ok(
          message.outcome !== 'installed' || message.index <= this.lastIndex,
          'an installed snapshot is durable',
        )
    }
  }
}

/** A pre-vote carries the term of a possible election, which need not be durable. */
function requiredTerm(message: Message): number {
  const isOfNextTerm = message.type === 'PreVoteRequest' || (message.type === 'PreVoteResponse' && message.isGranted)
  return isOfNextTerm ? 0 : message.term
}

function headOf({ first, term, kind, count, size, membership }: Persist['blocks'][number]): BlockHeader {
  return { first, term, kind, count, size, membership }
}
