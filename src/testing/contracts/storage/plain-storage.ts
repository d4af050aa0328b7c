/** The plainest possible storage, to compare others with: arrays that are filtered whole, and every state a crash may leave. */
import assert from 'node:assert/strict'
import type { RecoveredState, StorageWrite } from '../../../contracts/storage.ts'
import type { HardState, LogIndex, SnapshotInfo, Term } from '../../../core/types.ts'
import type { EncodedBlock } from '../../../log-format/block.ts'

/** All that a storage holds at one moment. */
export interface PlainState {
  readonly hardState: HardState
  readonly snapshot: SnapshotInfo | undefined
  readonly blocks: readonly EncodedBlock[]
}

const NOTHING: PlainState = {
  hardState: { term: 0, votedFor: undefined, commitIndex: 0 },
  snapshot: undefined,
  blocks: [],
}

/** Invariant: each of `#possible` may come back after a crash, the first is durable, and the last is what an open storage shows. */
export class PlainStorage {
  #possible: readonly PlainState[] = [NOTHING]

  get now(): PlainState {
    return this.#possible.at(-1) as PlainState
  }

  /** The last entry of the log; of an empty one, that of the snapshot. */
  get last(): { readonly index: LogIndex; readonly term: Term } {
    const { blocks, snapshot } = this.now
    const block = blocks.at(-1)
    return block === undefined ? (snapshot ?? { index: 0, term: 0 }) : { index: endOf(block), term: block.term }
  }

  /** The term of an entry of the log. */
  termAt(index: LogIndex): Term {
    const block = this.now.blocks.find((block) => block.first <= index && index <= endOf(block))
    return block?.term ?? this.last.term
  }

  /** A write was acknowledged. */
  wrote(write: StorageWrite): void {
    const next = after(this.now, write)
    this.#possible = write.isUrgent ? [next] : [...this.#possible, next]
  }

  /** A write was begun, and nobody knows how far it came: it may be there, or its term and vote alone, with or without those before it. */
  began(write: StorageWrite): void {
    const torn = this.#possible.flatMap((state) => tornOf(state, write))
    this.#possible = [...this.#possible, ...torn, after(this.now, write)]
  }

  /** The storage was closed: all of it is durable. */
  closed(): void {
    this.#possible = [this.now]
  }

  /** What came back after a crash (or a close) is one of the states that may; that one it is from now on. */
  recovers({ hardState, snapshot, blocks }: RecoveredState): void {
    const seen = summaryOf({ hardState, snapshot, blocks })
    const found = this.#possible.findLast((state) => summaryOf(state) === seen)
    if (found === undefined)
      assert.fail(`it came back with ${seen}; it should be ${this.#possible.map(summaryOf).join(', or ')}`)
    this.#possible = [found]
  }
}

function after({ hardState, snapshot, blocks }: PlainState, write: StorageWrite): PlainState {
  const { truncateAfter = Number.POSITIVE_INFINITY, compactTo = 0 } = write
  const kept = blocks
    .filter(() => write.snapshot?.resetLog !== true)
    .filter(({ first }) => first <= truncateAfter)
    .filter((block) => endOf(block) > compactTo)
  return {
    hardState: write.hardState ?? hardState,
    snapshot: write.snapshot?.info ?? snapshot,
    blocks: [...kept, ...write.blocks],
  }
}

/** Term and vote of a write without the rest. Its commit index is a hint, and may hold for what the write would have left of the log. */
function tornOf(state: PlainState, { hardState, truncateAfter, snapshot }: StorageWrite): PlainState[] {
  if (hardState === undefined) return []
  const last = state.blocks.at(-1)
  const end = last === undefined ? (state.snapshot?.index ?? 0) : endOf(last)
  const left = snapshot?.resetLog === true ? 0 : Math.min(end, truncateAfter ?? end)
  const hint = Math.max(state.hardState.commitIndex, Math.min(hardState.commitIndex, left))
  return [state.hardState.commitIndex, hint].map((commitIndex) => ({
    ...state,
    hardState: { ...hardState, commitIndex },
  }))
}

function summaryOf({ hardState, snapshot, blocks }: Pick<RecoveredState, 'hardState' | 'snapshot' | 'blocks'>): string {
  const { term, votedFor = 'nobody', commitIndex } = hardState
  const log = blocks.map((block) => `${block.first}–${endOf(block)}@${block.term}`).join(' ')
  const file =
    snapshot === undefined ? 'no snapshot' : `snapshot ${snapshot.index}@${snapshot.term} of ${snapshot.size} bytes`
  return `term ${term}, a vote for ${votedFor}, commit index ${commitIndex}, ${file}, blocks [${log}]`
}

function endOf({ first, count }: Pick<EncodedBlock, 'first' | 'count'>): LogIndex {
  return first + count - 1
}
