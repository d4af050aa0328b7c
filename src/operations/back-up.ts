/** Makes a backup of a running cluster: the state of one node, as the bytes of a backup file. */
import type { CallOptions, NodeStatus, SnapshotOptions } from '../contracts/node-service.ts'
import type { SnapshotInfo } from '../core/types.ts'
import { encodeBackup } from '../data-directory/backup-file.ts'

/** A RaftNode, or one node behind a client. */
export interface BackupSource {
  status(): Promise<Pick<NodeStatus, 'clusterId'>>
  takeSnapshot(options: SnapshotOptions): Promise<SnapshotInfo>
  readSnapshot(id: string, offset: number, options: CallOptions): Promise<Uint8Array>
}

export interface BackUpOptions {
  /** Ends the iteration with ERR_RAFT_ABORTED. */
  readonly signal?: AbortSignal | undefined
  /** How long the snapshot may take, in milliseconds. Default: that of `takeSnapshot`. */
  readonly timeoutMs?: number | undefined
  /** Called once the snapshot is taken, before its bytes are read. */
  readonly onTaken?: ((snapshot: SnapshotInfo) => void) | undefined
}

/**
 * Takes a snapshot that contains every command acknowledged before the call, by any node, and yields the bytes of a backup file: checksummed, and
 * complete in itself. `restoreBackup` makes a new cluster of it. Throws ERR_RAFT_SNAPSHOT_GONE if newer snapshots replaced this one before it
 * was read: try again.
 *
 *     await pipeline(backUp(node), createWriteStream('monday.snap'))
 */
export async function* backUp(
  source: BackupSource,
  { signal, timeoutMs, onTaken }: BackUpOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { clusterId } = await source.status()
  const info = await source.takeSnapshot({ linearizable: true, signal, timeoutMs })
  onTaken?.(info)
  yield* encodeBackup({ clusterId, info }, chunksOf(source, info, signal))
}

async function* chunksOf(
  source: BackupSource,
  { id, size }: SnapshotInfo,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let offset = 0; offset < size; ) {
    const chunk = await source.readSnapshot(id, offset, { signal })
    if (chunk.length === 0) return
    offset += chunk.length
    yield chunk
  }
}
