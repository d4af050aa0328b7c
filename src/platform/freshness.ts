/** How fresh a read has to be: the check of its options, and the error of a node that has not applied enough. */
import type { ReadMode, ReadOptions } from '../contracts/node-service.ts'
import type { LogIndex } from '../core/types.ts'
import { RaftError } from '../errors.ts'
import { checkInteger } from './options.ts'

export interface Freshness {
  readonly mode: ReadMode
  /** The index that must be applied; 0 if any will do. */
  readonly atLeast: LogIndex
  /** The greatest age of the state; undefined if any will do. */
  readonly maxStalenessMs: number | undefined
}

const checkIndex = checkInteger(0)
/** The largest value of the wire field. */
const checkStaleness = checkInteger(1, 2 ** 31 - 1)

/** The options of a read with their defaults. Throws ERR_RAFT_OPTIONS if they are invalid. */
export function freshnessOf({ mode, atLeast, maxStalenessMs }: ReadOptions): Freshness {
  const isLocal = atLeast !== undefined || maxStalenessMs !== undefined
  assertValid('atLeast', atLeast === undefined ? undefined : checkIndex(atLeast))
  assertValid('maxStalenessMs', maxStalenessMs === undefined ? undefined : checkStaleness(maxStalenessMs))
  if (maxStalenessMs !== undefined && mode !== undefined && mode !== 'local')
    assertValid('maxStalenessMs', `is for local reads, not for mode '${mode}', which is as fresh as can be`)
  return { mode: mode ?? (isLocal ? 'local' : 'linearizable'), atLeast: atLeast ?? 0, maxStalenessMs }
}

function assertValid(name: string, problem: string | undefined): void {
  if (problem !== undefined) throw new RaftError('ERR_RAFT_OPTIONS', `${name} ${problem}`)
}

/** `who` has not applied the index that a read waits for. */
export function laggingError(who: string, appliedIndex: LogIndex, wantedIndex: LogIndex, why = ''): RaftError {
  const lag = wantedIndex - appliedIndex
  return new RaftError(
    'ERR_RAFT_LAGGING',
    `${who} has applied index ${appliedIndex}, and the read wants ${wantedIndex}: ${lag} more${why === '' ? '' : `; ${why}`}`,
    { hint: 'read from another node, or allow more time', details: { appliedIndex, wantedIndex, lag } },
  )
}

/** `who` cannot prove that its state is as fresh as a read wants. `ageMs` is Infinity if it can prove nothing. */
export function staleError(who: string, ageMs: number, maxStalenessMs: number, cause?: unknown): RaftError {
  const age = Math.ceil(ageMs)
  const known = Number.isFinite(age) ? `that its state is at most ${age} ms old` : 'nothing about the age of its state'
  const why = cause instanceof Error ? `; ${cause.message}` : ''
  return new RaftError('ERR_RAFT_LAGGING', `${who} can prove ${known}, and the read wants ${maxStalenessMs} ms${why}`, {
    hint: 'read from another node, or allow more time',
    details: { ageMs: Number.isFinite(age) ? age : undefined, maxStalenessMs },
    cause,
  })
}
