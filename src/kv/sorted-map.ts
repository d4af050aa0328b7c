/** The sorted map of the key-value machine: sorted-btree's B+ tree, whose clone is O(1) and copied on write. */
import { createRequire } from 'node:module'
import type sortedBtree from 'sorted-btree'

// A CommonJS module with a `default` export: Node and transpilers import it differently, and `require` is the same everywhere.
const { default: Tree } = createRequire(import.meta.url)('sorted-btree') as typeof sortedBtree

export type SortedMap<Value> = sortedBtree.default<string, Value>

/** An empty map, in the order of the keys' UTF-16 code units. */
export function sortedMap<Value>(): SortedMap<Value> {
  return new Tree<string, Value>(undefined, (left, right) => (left < right ? -1 : left > right ? 1 : 0))
}
