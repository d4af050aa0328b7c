/** The Storage contract in memory, for tests and for clusters in one process. */
import type { EncodedBlock } from '../contracts/encoded-block.ts'
import type {
  RecoveredState,
  SnapshotStore,
  Storage,
  StorageIdentity,
  StorageWrite,
  Unusable,
} from '../contracts/storage.ts'
import type { LogIndex } from '../core/types.ts'
import { isRaftError, RaftError } from '../errors.ts'
import { MemoryDisk } from './memory-disk.ts'
import { MemorySnapshots } from './memory-snapshots.ts'

/** The options of MemoryStorage. */
export interface MemoryStorageOptions {
  /** The disk that holds the data. Default: a new, empty one. */
  readonly disk?: MemoryDisk | undefined
}

/** A Storage in memory. It is deterministic: it uses neither time nor randomness, and every call settles in the turn of the call. */
export class MemoryStorage implements Storage {
  readonly disk: MemoryDisk
  readonly name = 'memory'
  readonly snapshots: SnapshotStore
  #state: 'new' | 'open' | 'closed' = 'new'
  #failure: RaftError | undefined

  constructor(options: MemoryStorageOptions = {}) {
    this.disk = options.disk ?? new MemoryDisk()
    this.snapshots = new MemorySnapshots(this.disk, () => this.#assertUsable())
  }

  async open(identity: StorageIdentity): Promise<RecoveredState> {
    if (this.#state !== 'new') throw new RaftError('ERR_RAFT_CLOSED', `the storage is ${this.#state}; create a new one`)
    const { disk } = this
    if (disk.isOpen)
      throw new RaftError('ERR_RAFT_DATA_DIR_LOCKED', `the disk ${disk.directoryId} is in use by another storage`)
    disk.identity ??= { clusterId: identity.clusterId || (identity.newClusterId ?? ''), nodeId: identity.nodeId }
    assertIdentity(disk.identity, identity)
    if (disk.unusable !== undefined) throw new RaftError(disk.unusable.code, disk.unusable.message)
    this.#state = 'open'
    disk.attach(() => {
      this.#state = 'closed'
    })
    const { hardState, snapshot, log } = disk.view
    const blocks = log.blocks.map(({ bytes: _, ...header }) => header)
    const isNew = hardState.term === 0 && snapshot === undefined && blocks.length === 0
    const boot = disk.begin()
    return { directoryId: disk.directoryId, boot, identity: disk.identity, isNew, hardState, snapshot, blocks }
  }

  async write(write: StorageWrite): Promise<void> {
    this.#assertUsable()
    try {
      this.disk.write(write)
    } catch (cause) {
      this.#failure = isRaftError(cause) ? cause : new RaftError('ERR_RAFT_STORAGE', String(cause), { cause })
      throw this.#failure
    }
  }

  async read(from: LogIndex, bytesMax: number): Promise<EncodedBlock[]> {
    this.#assertUsable()
    const { log } = this.disk.view
    const range = log.range(from, bytesMax)
    if (range !== undefined) return log.blocks.slice(range.from, range.to)
    throw new RaftError('ERR_RAFT_COMPACTED', `no block of the log starts at ${from}`)
  }

  async freeBytes(): Promise<number | undefined> {
    this.#assertUsable()
    return undefined
  }

  async markUnusable(reason: Unusable): Promise<void> {
    if (this.#state !== 'open') throw new RaftError('ERR_RAFT_CLOSED', `the storage is ${this.#state}`)
    this.disk.unusable = reason
  }

  async close(): Promise<void> {
    if (this.#state === 'open') {
      if (this.#failure === undefined) this.disk.sync()
      this.disk.detach()
    }
    this.#state = 'closed'
  }

  #assertUsable(): void {
    if (this.#state !== 'open') throw new RaftError('ERR_RAFT_CLOSED', `the storage is ${this.#state}`)
    if (this.#failure !== undefined) throw this.#failure
  }
}

function assertIdentity(onDisk: StorageIdentity, expected: StorageIdentity): void {
  if (expected.clusterId !== '' && onDisk.clusterId !== expected.clusterId)
    throw new RaftError(
      'ERR_RAFT_CLUSTER_MISMATCH',
      `the disk belongs to cluster ${onDisk.clusterId}, and this node was started for cluster ${expected.clusterId}`,
      { details: { onDisk: onDisk.clusterId, configured: expected.clusterId } },
    )
  if (onDisk.nodeId !== expected.nodeId)
    throw new RaftError(
      'ERR_RAFT_NODE_MISMATCH',
      `the disk belongs to ${onDisk.nodeId}, and was opened as ${expected.nodeId}`,
      { details: { onDisk: onDisk.nodeId, configured: expected.nodeId } },
    )
}
