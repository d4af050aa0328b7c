/** How fresh a read has to be: the check of its options, and the error of a node that has not applied enough. */
import type { ReadMode, ReadOptions } from '../contracts/node-service.ts'
import type { LogIndex } from '../core/types.ts'
import { RaftError } from '../errors.ts'
import { checkInteger } from './options.ts'

export interface Freshness {
  readonly mode: ReadMode
  /** The index that must be applied; 0 if any will do. */
  readonly atLeast: LogIndex
}

const checkIndex = checkInteger(0)

/** The options of a read with their defaults. Throws ERR_RAFT_OPTIONS if they are invalid. */
export function freshnessOf({ mode, atLeast }: ReadOptions): Freshness {
  const problem = atLeast === undefined ? undefined : checkIndex(atLeast)
  if (problem !== undefined) throw new RaftError('ERR_RAFT_OPTIONS', `atLeast ${problem}`)
  return { mode: mode ?? (atLeast === undefined ? 'linearizable' : 'local'), atLeast: atLeast ?? 0 }
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
