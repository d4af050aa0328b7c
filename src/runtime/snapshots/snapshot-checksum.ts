/**
 * The checksum of a snapshot: the CRC-32 of all its bytes. The node that takes the snapshot computes it, and every node that fetches or
 * restores the snapshot compares it, whatever transport and storage the bytes went through.
 */

import type { SnapshotInfo } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'
import { crc32 } from '../../platform/checksums.ts'
import { DAMAGE_HINT } from '../health/changed-block.ts'

/** The checksum of the bytes so far and this chunk. It starts with 0. */
export function addToChecksum(checksum: number, chunk: Uint8Array): number {
  return crc32(chunk, checksum)
}

export async function checksumOf(chunks: AsyncIterable<Uint8Array>): Promise<number> {
  let checksum = 0
  for await (const chunk of chunks) checksum = addToChecksum(checksum, chunk)
  return checksum
}

/** Whether bytes with this checksum are the snapshot. True if the snapshot has no checksum. */
export function isIntact({ checksum }: SnapshotInfo, found: number): boolean {
  return checksum === undefined || checksum === found
}

/** What the storage has is not the snapshot that was recorded. */
export function damagedSnapshotError(snapshot: SnapshotInfo, what: string): RaftError {
  const { id, index } = snapshot
  return new RaftError('ERR_RAFT_CORRUPT', `the stored snapshot ${id} of the entries up to ${index} ${what}`, {
    hint: DAMAGE_HINT,
    details: { index, snapshot: id },
  })
}

/** The same chunks. After the last one, throws ERR_RAFT_CORRUPT if they are not the snapshot. */
export async function* verifiedChunks(
  chunks: AsyncIterable<Uint8Array>,
  snapshot: SnapshotInfo,
): AsyncGenerator<Uint8Array, void, undefined> {
  let checksum = 0
  for await (const chunk of chunks) {
    checksum = addToChecksum(checksum, chunk)
    yield chunk
  }
  if (!isIntact(snapshot, checksum)) throw damagedSnapshotError(snapshot, differsFrom(snapshot, checksum))
}

export function differsFrom({ checksum = 0 }: SnapshotInfo, found: number): string {
  return `has the checksum ${toHex(found)} instead of ${toHex(checksum)}`
}

function toHex(checksum: number): string {
  return checksum.toString(16).padStart(8, '0')
}
