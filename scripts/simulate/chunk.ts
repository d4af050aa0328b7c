/** The long simulation is cut into chunks of runs, each with a seed of its own: whichever process does one, its runs are the same. */

import type { CheckRunsTotals } from '../../src/testing/check-runs.ts'
import { SeededRandom } from '../../src/testing/simulation/seeded-random.ts'

export interface Chunk {
  /** From 0. */
  readonly number: number
  readonly seed: number
  readonly runs: number
}

/** What a worker says of a chunk it has done. */
export type ChunkResult =
  | { readonly type: 'kept'; readonly chunk: number; readonly totals: SerializableTotals; readonly scenarios: number }
  | { readonly type: 'broken'; readonly chunk: number; readonly report: string }

/** Totals that can be sent to another process. */
export interface SerializableTotals extends Omit<CheckRunsTotals, 'eventCounts' | 'faults'> {
  readonly eventCounts: Readonly<Record<string, number>>
  readonly faults: Readonly<Record<string, number>>
}

/** Runs of one chunk. Part of what a seed means: another size makes other runs of it. */
export const CHUNK_RUNS = 50

/** Chunks of the same seed are the same, however many there are; those of another seed have nothing in common with them. */
export function chunksOf(seed: number, runs: number): Chunk[] {
  const random = new SeededRandom(seed)
  return Array.from({ length: Math.ceil(runs / CHUNK_RUNS) }, (_, number) => ({
    number,
    seed: random.next() >>> 1,
    runs: Math.min(CHUNK_RUNS, runs - number * CHUNK_RUNS),
  }))
}
