/**
 * Names a snapshot after its content: two nodes that have the same bytes of the same log may call them differently, and a fetch that one of
 * them began continues with the other.
 */
import type { SnapshotInfo } from '../../core/types.ts'

/** Equal for two snapshots only if index, term, hash chain, size and checksum are. Without a checksum, the id that the snapshot has. */
export function contentIdOf({ id, index, term, chain, size, checksum }: SnapshotInfo): string {
  if (checksum === undefined) return id
  return [index, term, chain.toString(36), size.toString(36), checksum.toString(36)].join('-')
}
