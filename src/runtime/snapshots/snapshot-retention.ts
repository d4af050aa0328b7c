/** The snapshot files on disk: handed to peers, and cleared away once nobody needs them any more. */
import type { Storage } from '../../contracts/storage.ts'
import type { LogIndex, SnapshotInfo } from '../../core/types.ts'
import { isRaftError } from '../../errors.ts'

export class SnapshotRetention {
  readonly #storage: Pick<Storage, 'snapshots'>
  /** Files that are being written. */
  readonly #inProgress: () => readonly (string | undefined)[]
  readonly #onFailed: (message: string) => void
  /** How many peers are reading each. */
  readonly #readers = new Map<string, number>()
  /** Whole files that may yet be recorded as the newest: the write that does so waits for the disk. */
  readonly #finished = new Map<string, LogIndex>()
  #newest: string | undefined
  #previous: string | undefined

  constructor(
    storage: Pick<Storage, 'snapshots'>,
    recovered: string | undefined,
    inProgress: () => readonly (string | undefined)[],
    onFailed: (message: string) => void,
  ) {
    this.#storage = storage
    this.#newest = recovered
    this.#inProgress = inProgress
    this.#onFailed = onFailed
  }

  /** A file for a peer; it stays as long as it is being read. */
  async *read(id: string, offset: number): AsyncGenerator<Uint8Array, void, undefined> {
    this.#readers.set(id, (this.#readers.get(id) ?? 0) + 1)
    try {
      yield* this.#storage.snapshots.read(id, offset)
    } catch (error) {
      // The next snapshot takes its place; until then nobody can be brought up from here, and somebody should know.
      if (isRaftError(error, 'ERR_RAFT_CORRUPT')) this.#onFailed(`a snapshot cannot be handed out: ${error.message}`)
      throw error
    } finally {
      const left = (this.#readers.get(id) ?? 1) - 1
      if (left > 0) this.#readers.set(id, left)
      else this.#readers.delete(id)
    }
  }

  /** This file is whole, and on its way to be recorded. */
  onFinished({ id, index }: SnapshotInfo): void {
    this.#finished.set(id, index)
  }

  /** This one is durably the newest: it, the one before it and newer ones stay; older ones go unless somebody reads or writes them. */
  onRecorded({ id, index }: SnapshotInfo): void {
    for (const [other, at] of this.#finished) if (at <= index) this.#finished.delete(other)
    if (id === this.#newest) return
    this.#previous = this.#newest
    this.#newest = id
    const needed = [id, this.#previous, ...this.#finished.keys(), ...this.#inProgress(), ...this.#readers.keys()]
    const ids = needed.filter((one) => one !== undefined)
    this.#storage.snapshots
      .retain(ids)
      .catch((error) => this.#onFailed(`old snapshots could not be cleared away: ${String(error)}`))
  }
}
