/** Arbitrary calls of clients in sessions, and of clients that ask for fresh reads. */
import type { Arbitrary } from 'fast-check'
import type { Workload } from '../simulation/workload.ts'
import { fc } from './fast-check.ts'
import { node } from './nodes.ts'
import { rarely } from './rarely.ts'

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

/** Writes that expect a term, in a quarter of the plans. */
export function writesInTerms(untilMs: number): Arbitrary<Workload> {
  const one = fc.record({
    type: fc.constant('writeInTerm' as const),
    atMs: fc.nat(untilMs),
    node: node(),
    afterMs: fc.oneof(fc.constant(0), fc.nat(600)),
  })
  return rarely(fc.array(one, { minLength: 1, maxLength: 20 }), [])
}

/** Readers of changes, in half of the plans. They change nothing else in a run. */
export function changeReaders(untilMs: number): Arbitrary<Workload> {
  const one = fc.record({
    type: fc.constant('follow' as const),
    atMs: fc.nat(untilMs),
    reader: fc.nat(1),
    node: node(),
  })
  return fc.oneof(fc.constant([]), fc.array(one, { minLength: 1, maxLength: 16 }))
}
