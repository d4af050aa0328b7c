/** An arbitrary for what a quarter of the plans contain. */
import type { Arbitrary } from 'fast-check'
import { fc } from './fast-check.ts'

export function rarely<Some>(some: Arbitrary<Some>, none: Some): Arbitrary<Some> {
  return fc.oneof({ arbitrary: fc.constant(none), weight: 3 }, { arbitrary: some, weight: 1 })
}
