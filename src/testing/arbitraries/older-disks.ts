/** Faults of disks that go back to an older copy, or exist twice. */
import type { Arbitrary } from 'fast-check'
import type { Fault } from '../simulation/faults.ts'
import { fc } from './fast-check.ts'

/** The node is one of these: of a cluster of three voters, usually a voter. */
const NODES_MAX = 4
/** No entry is older at the first fault. */
const FIRST_MS = 800

/** A fault that needs a copy of a directory. */
type CopyFault = Fault & { readonly ageMs: number }

/** Usually none, otherwise one: the members whose data is damaged must be a minority. */
export function olderDisks(untilMs: number): Arbitrary<readonly Fault[]> {
  return fc.oneof({ arbitrary: fc.constant([]), weight: 3 }, { arbitrary: olderDisk(untilMs), weight: 1 })
}

/**
 * In most cases the node restarts after the copy, so that the copy lacks a boot that the others know. In some it restarts again before it
 * meets them, so that the copy has more boots.
 */
function olderDisk(untilMs: number): Arbitrary<readonly Fault[]> {
  return fc
    .record({
      fault: fc.oneof(rollBackDisk(untilMs), cloneDisk(untilMs)) as Arbitrary<CopyFault & { readonly node: number }>,
      restarts: fc.nat(3),
      times: fc.nat(3),
      downMs: fc.integer({ min: 5, max: 100 }),
    })
    .map(({ fault, restarts, downMs, times }) => {
      const { node, atMs, ageMs } = fault
      const restart: Fault = {
        type: 'crash',
        atMs: atMs - ageMs + 1,
        node,
        isHard: true,
        forMs: Math.min(downMs, ageMs),
      }
      const later: Fault = { type: 'restarts', atMs, node, times, gapUs: 700 }
      return [...(restarts > 0 ? [restart] : []), fault, ...(times > 1 ? [later] : [])]
    })
}

/** The copy is from a moment ago, from before the last elections, or from the time of the first entries. */
function rollBackDisk(untilMs: number): Arbitrary<Fault> {
  return fc.record({
    type: fc.constant('rollBackDisk' as const),
    atMs: fc.integer({ min: FIRST_MS, max: Math.max(FIRST_MS, untilMs) }),
    node: fc.nat(NODES_MAX - 1),
    ageMs: fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 200, max: FIRST_MS })),
  })
}

function cloneDisk(untilMs: number): Arbitrary<Fault> {
  return fc.record({
    type: fc.constant('cloneDisk' as const),
    atMs: fc.integer({ min: FIRST_MS, max: Math.max(FIRST_MS, untilMs) }),
    node: fc.nat(NODES_MAX - 1),
    ageMs: fc.integer({ min: 100, max: FIRST_MS }),
    side: fc.uniqueArray(fc.nat(NODES_MAX - 1), { maxLength: 3 }),
    swapMs: fc.integer({ min: 30, max: 800 }),
    forMs: fc.integer({ min: 200, max: 2000 }),
  })
}
