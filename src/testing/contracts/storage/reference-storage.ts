/** The plainest possible storage, to compare others with: arrays that are filtered whole, and every state a crash may leave. */
import assert from 'node:assert/strict'
import type { EncodedBlock } from '../../../contracts/encoded-block.ts'
import type { RecoveredState, StorageWrite } from '../../../contracts/storage.ts'
import type { HardState, LogIndex, SnapshotInfo, Term } from '../../../core/types.ts'

/** All that a storage holds at one moment. */
export interface StorageState {
  readonly hardState: HardState
  readonly snapshot: SnapshotInfo | undefined
  readonly blocks: readonly EncodedBlock[]
}

const EMPTY_STATE: StorageState = {
  hardState: { term: 0, votedFor: undefined, commitIndex: 0 },
  snapshot: undefined,
  blocks: [],
}

/** Invariant: each of `#possible` may come back after a crash, the first is durable, and the last is what an open storage shows. */
export class ReferenceStorage {
  #possibleStates: readonly StorageState[] = [EMPTY_STATE]

  get current(): StorageState {
    return this.#possibleStates.at(-1) as StorageState
  }

  /** The last entry of the log; of an empty one, that of the snapshot. */
  get last(): { readonly index: LogIndex; readonly term: Term } {
    const { blocks, snapshot } = this.current
    const block = blocks.at(-1)
    return block === undefined ? (snapshot ?? { index: 0, term: 0 }) : { index: endOf(block), term: block.term }
  }

  /** The term of an entry of the log. */
  termAt(index: LogIndex): Term {
    const block = this.current.blocks.find((block) => block.first <= index && index <= endOf(block))
    return block?.term ?? this.last.term
  }

  /** A write was acknowledged. */
  recordWrite(write: StorageWrite): void {
    const next = applyWrite(this.current, write)
    this.#possibleStates = write.isUrgent ? [next] : [...this.#possibleStates, next]
  }

  /** A write was begun, and nobody knows how far it came: it may be there, or its term and vote alone, with or without those before it. */
  recordUnfinishedWrite(write: StorageWrite): void {
    const torn = this.#possibleStates.flatMap((state) => partialWrites(state, write))
    this.#possibleStates = [...this.#possibleStates, ...torn, applyWrite(this.current, write)]
  }

  /** The storage was closed: all of it is durable. */
  recordClose(): void {
    this.#possibleStates = [this.current]
  }

  /** What came back after a crash (or a close) is one of the states that may; that one it is from now on. */
  assertRecovered({ hardState, snapshot, blocks }: RecoveredState): void {
    const seen = formatState({ hardState, snapshot, blocks })
    const found = this.#possibleStates.findLast((state) => formatState(state) === seen)
    if (found === undefined)
      assert.fail(`it came back with ${seen}; it should be ${this.#possibleStates.map(formatState).join(', or ')}`)
    this.#possibleStates = [found]
  }
}

function applyWrite({ hardState, snapshot, blocks }: StorageState, write: StorageWrite): StorageState {
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
function partialWrites(state: StorageState, { hardState, truncateAfter, snapshot }: StorageWrite): StorageState[] {
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

function formatState({
  hardState,
  snapshot,
  blocks,
}: Pick<RecoveredState, 'hardState' | 'snapshot' | 'blocks'>): string {
  const { term, votedFor = 'nobody', commitIndex } = hardState
  const log = blocks.map((block) => `${block.first}–${endOf(block)}@${block.term}`).join(' ')
  const file =
    snapshot === undefined ? 'no snapshot' : `snapshot ${snapshot.index}@${snapshot.term} of ${snapshot.size} bytes`
  return `term ${term}, a vote for ${votedFor}, commit index ${commitIndex}, ${file}, blocks [${log}]`
}

function endOf({ first, count }: Pick<EncodedBlock, 'first' | 'count'>): LogIndex {
  return first + count - 1
}
