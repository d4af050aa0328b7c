/** The snapshot files on disk: serves them to peers, and removes those that are no longer needed. */
import type { Storage } from '../../contracts/storage.ts'
import type { LogIndex, SnapshotInfo } from '../../core/types.ts'
import { isRaftError } from '../../errors.ts'

export interface SnapshotRetentionParts {
  readonly storage: Pick<Storage, 'snapshots'>
  /** The id of the snapshot that the storage had at start. */
  readonly recovered: string | undefined
  /** The ids of files that are being written. */
  readonly inProgress: () => readonly (string | undefined)[]
  readonly onFailed: (message: string) => void
  /** The recorded file was found damaged while a peer read it. */
  readonly onDamaged: () => void
}

export class SnapshotRetention {
  readonly #parts: SnapshotRetentionParts
  /** The number of peers that read each file. */
  readonly #readers = new Map<string, number>()
  /** Complete files that are not recorded in the log yet. */
  readonly #finished = new Map<string, LogIndex>()
  #recorded: string | undefined
  #previous: string | undefined

  constructor(parts: SnapshotRetentionParts) {
    this.#parts = parts
    this.#recorded = parts.recovered
  }

  /** The bytes of a file from `offset`, for a peer; it is kept while it is being read. */
  async *read(id: string, offset: number): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* this.readKept(id, offset)
    } catch (error) {
      // No follower can be restored from here until the next snapshot.
      if (isRaftError(error, 'ERR_RAFT_CORRUPT')) {
        this.#parts.onFailed(`a snapshot cannot be sent to a peer: ${error.message}`)
        if (id === this.#recorded) this.#parts.onDamaged()
      }
      throw error
    }
  }

  /** The bytes of a file from `offset`; it is kept while it is being read. */
  async *readKept(id: string, offset: number): AsyncGenerator<Uint8Array, void, undefined> {
    this.#readers.set(id, (this.#readers.get(id) ?? 0) + 1)
    try {
      yield* this.#parts.storage.snapshots.read(id, offset)
    } finally {
      const left = (this.#readers.get(id) ?? 1) - 1
      if (left > 0) this.#readers.set(id, left)
      else this.#readers.delete(id)
    }
  }

  /** The file is complete, and will be recorded by a later write. */
  onFinished({ id, index }: SnapshotInfo): void {
    this.#finished.set(id, index)
  }

  /** The snapshot is recorded durably. Keeps it, the one before, newer ones, and files in use; removes all others. */
  onRecorded({ id, index }: SnapshotInfo): void {
    for (const [other, otherIndex] of this.#finished) if (otherIndex <= index) this.#finished.delete(other)
    if (id === this.#recorded) return
    this.#previous = this.#recorded
    this.#recorded = id
    const { storage, inProgress, onFailed } = this.#parts
    const needed = [id, this.#previous, ...this.#finished.keys(), ...inProgress(), ...this.#readers.keys()]
    storage.snapshots
      .retain(needed.filter((one) => one !== undefined))
      .catch((error) => onFailed(`old snapshots could not be removed: ${String(error)}`))
  }
}
