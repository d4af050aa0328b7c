/** Arbitrary calls of clients in sessions, and of clients that ask for fresh reads. */
import type { Arbitrary } from 'fast-check'
import type { Workload } from '../simulation/workload.ts'
import { fc } from './fast-check.ts'
import { node } from './nodes.ts'

/** Writes in sessions, in half of the plans. */
export function sessionWrites(untilMs: number): Arbitrary<Workload> {
  const one = fc.record({
    type: fc.constant('writeInSession' as const),
    atMs: fc.nat(untilMs),
    client: fc.nat(2),
    node: node(),
    count: fc.integer({ min: 1, max: 4 }),
    sends: fc.integer({ min: 1, max: 6 }),
    everyMs: fc.integer({ min: 1, max: 400 }),
  })
  return fc.oneof(fc.constant([]), fc.array(one, { minLength: 1, maxLength: 12 }))
}

/** Reads that ask for some freshness, in half of the plans. Then clock rates differ by no more than `clockDriftMax`. */
export function freshReads(untilMs: number): Arbitrary<Workload> {
  const one = fc.record({
    type: fc.constant('readFresh' as const),
    atMs: fc.nat(untilMs),
    node: node(),
    maxStalenessMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2000 })),
    own: fc.boolean(),
    times: fc.integer({ min: 1, max: 20 }),
    everyMs: fc.integer({ min: 5, max: 200 }),
  })
  return fc.oneof(fc.constant([]), fc.array(one, { minLength: 1, maxLength: 12 }))
}
