/** A simple model of a storage to compare with. It knows every state that a crash may leave. */
import assert from 'node:assert/strict'
import type { EncodedBlock } from '../../../contracts/encoded-block.ts'
import type { RecoveredState, StorageWrite } from '../../../contracts/storage.ts'
import type { HardState, LogIndex, SnapshotInfo, Term } from '../../../core/types.ts'

/** The content of a storage. */
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

/**
 * Invariant: each of `#possibleStates` is valid after a crash. The first is durable, the last is the state of the open storage.
 */
export class ReferenceStorage {
  #possibleStates: readonly StorageState[] = [EMPTY_STATE]

  get current(): StorageState {
    return this.#possibleStates.at(-1) as StorageState
  }

  /** The last entry of the log, or that of the snapshot if the log is empty. */
  get last(): { readonly index: LogIndex; readonly term: Term } {
    const { blocks, snapshot } = this.current
    const block = blocks.at(-1)
    return block === undefined ? (snapshot ?? { index: 0, term: 0 }) : { index: endOf(block), term: block.term }
  }

  /** The term of an entry in the log. */
  termAt(index: LogIndex): Term {
    const block = this.current.blocks.find((block) => block.first <= index && index <= endOf(block))
    return block?.term ?? this.last.term
  }

  /** Records an acknowledged write. */
  recordWrite(write: StorageWrite): void {
    const next = applyWrite(this.current, write)
    this.#possibleStates = write.isUrgent ? [next] : [...this.#possibleStates, next]
  }

  /** Records a write that may be complete, partial (only its term and vote), or missing, after any of the earlier states. */
  recordUnfinishedWrite(write: StorageWrite): void {
    const torn = this.#possibleStates.flatMap((state) => partialWrites(state, write))
    this.#possibleStates = [...this.#possibleStates, ...torn, applyWrite(this.current, write)]
  }

  /** Records a close: the current state is durable. */
  recordClose(): void {
    this.#possibleStates = [this.current]
  }

  /** Asserts that the recovered state is one of the possible states, and makes it the current one. */
  assertRecovered({ hardState, snapshot, blocks }: RecoveredState): void {
    const recovered = formatState({ hardState, snapshot, blocks })
    const found = this.#possibleStates.findLast((state) => formatState(state) === recovered)
    if (found === undefined)
      assert.fail(`recovered ${recovered}; expected ${this.#possibleStates.map(formatState).join(', or ')}`)
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

/** The states with only the term and vote of a write. The commit index is a hint: it may be that of the write, up to the end of the log. */
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
  const { term, votedFor = 'none', commitIndex } = hardState
  const log = blocks.map((block) => `${block.first}–${endOf(block)}@${block.term}`).join(' ')
  const file =
    snapshot === undefined ? 'no snapshot' : `snapshot ${snapshot.index}@${snapshot.term} of ${snapshot.size} bytes`
  return `term ${term}, vote ${votedFor}, commit index ${commitIndex}, ${file}, blocks [${log}]`
}

function endOf({ first, count }: Pick<EncodedBlock, 'first' | 'count'>): LogIndex {
  return first + count - 1
}
