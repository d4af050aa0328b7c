/** Splits a long simulation into chunks of runs with their own seeds, so that the runs do not depend on the number of processes. */
import type { CheckRunsTotals } from '../../src/testing/check-runs.ts'
import { SeededRandom } from '../../src/testing/simulation/seeded-random.ts'

export interface Chunk {
  /** Starts at 0. */
  readonly number: number
  readonly seed: number
  readonly runs: number
}

/** The result of a chunk. */
export type ChunkResult =
  | { readonly type: 'passed'; readonly chunk: number; readonly totals: SerializableTotals; readonly scenarios: number }
  | { readonly type: 'failed'; readonly chunk: number; readonly report: string }

/** Totals without maps, so that they can be sent to another process. */
export interface SerializableTotals extends Omit<CheckRunsTotals, 'eventCounts' | 'faults'> {
  readonly eventCounts: Readonly<Record<string, number>>
  readonly faults: Readonly<Record<string, number>>
}

/** Runs per chunk. A change of this number changes the runs of every seed. */
export const CHUNK_RUNS = 50

/** The chunks of `runs` runs. A chunk depends only on `seed` and its number. */
export function chunksOf(seed: number, runs: number): Chunk[] {
  const random = new SeededRandom(seed)
  return Array.from({ length: Math.ceil(runs / CHUNK_RUNS) }, (_, number) => ({
    number,
    seed: random.next() >>> 1,
    runs: Math.min(CHUNK_RUNS, runs - number * CHUNK_RUNS),
  }))
}
