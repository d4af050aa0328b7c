/** Episodes in which leases are at risk: leaders cut off, voters restarted within a lease, late messages, and reads throughout. */
import type { Arbitrary } from 'fast-check'
import type { Fault } from '../simulation/faults.ts'
import type { Call } from '../simulation/workload.ts'
import { fc } from './fast-check.ts'

/** What an episode adds to a run. */
export interface LeaseStress {
  readonly faults: readonly Fault[]
  readonly calls: readonly Call[]
}

const EPISODE_MS = 2000
/** Two election timeouts: by then the voter that is cut off campaigns again and again. */
const FIRST_MOMENT_MS = 600
/** Reads come this often for as long after a moment as a lease may last. */
const READ_EVERY_MS = 3
const READS_FOR_MS = 180
const VOTERS = [0, 1, 2] as const

/**
 * One episode, which begins before `untilMs`. One voter is cut off from the leader, so that it campaigns as soon as another voter lets it.
 * At one or two moments that other voter restarts, or is cut off too, while the leader holds a lease and is asked for lease reads.
 */
export function leaseStress(untilMs: number): Arbitrary<LeaseStress> {
  return fc
    .record({
      atMs: fc.nat(Math.max(0, untilMs - EPISODE_MS)),
      order: fc.shuffledSubarray([...VOTERS], { minLength: 3, maxLength: 3 }),
      moments: fc.array(fc.integer({ min: FIRST_MOMENT_MS, max: EPISODE_MS - READS_FOR_MS }), {
        minLength: 1,
        maxLength: 4,
      }),
      restarts: fc.boolean(),
      isLate: fc.boolean(),
      cutMs: fc.integer({ min: 100, max: 600 }),
    })
    .map(({ atMs, order: [leader = 0, voter = 1, challenger = 2], moments, restarts, isLate, cutMs }) => {
      const cutBetween = (other: number, from: number, forMs: number): Fault[] => [
        { type: 'cut', atMs: atMs + from, from: leader, to: other, forMs },
        { type: 'cut', atMs: atMs + from, from: other, to: leader, forMs },
      ]
      const faults = cutBetween(challenger, 0, EPISODE_MS)
      const calls: Call[] = []
      for (const moment of moments) {
        if (restarts) faults.push({ type: 'crash', atMs: atMs + moment, node: voter, isHard: true, forMs: 5 })
        faults.push(...cutBetween(voter, moment, cutMs))
        for (let after = 0; after < READS_FOR_MS; after += READ_EVERY_MS)
          calls.push({ type: 'read', atMs: atMs + moment + after, node: leader, mode: 'lease' })
      }
      if (isLate) faults.push({ type: 'networkConditions', atMs, conditions: LATE, forMs: EPISODE_MS })
      return { faults, calls }
    })
}

/** Some messages arrive hundreds of milliseconds late, after terms have changed. */
const LATE = {
  delayMinUs: 200,
  delayMaxUs: 20_000,
  lossPerMille: 150,
  duplicatePerMille: 100,
  slowPerMille: 200,
  stalePerMille: 100,
  isOrdered: false,
} as const
