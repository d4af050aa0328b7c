/** Arbitrary node numbers. */
import type { Arbitrary } from 'fast-check'
import { LEADER } from '../simulation/workload.ts'
import { fc } from './fast-check.ts'

/** The largest number of nodes in a random cluster. */
const NODES_MAX = 6

/** Any node number, LEADER more often than the others. */
export const node = (): Arbitrary<number> =>
  fc.oneof({ arbitrary: fc.nat(NODES_MAX - 1), weight: 3 }, { arbitrary: fc.constant(LEADER), weight: 1 })
