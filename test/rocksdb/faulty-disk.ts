/** A simulated disk below a data directory, also for the writes of RocksDB, which are not made in this process's code. */
import { existsSync, readdirSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import type { Binding } from '../../src/rocksdb/binding.ts'
import { FaultyFiles } from '../../src/testing/disk/faulty-files.ts'
import type { Survivors } from '../../src/testing/disk/unsynced-data.ts'

/** Which syncs are ignored: those of the hard state and the snapshots, of the log (RocksDB's or segments), or all. */
export type IgnoredSyncs = 'all' | 'files' | 'log'

export const IGNORED_SYNCS: readonly IgnoredSyncs[] = ['all', 'files', 'log']

/** The error of the addon for a full disk. */
export const DISK_FULL: string =
  'IO error: No space left on deviceWhile appending to file: /x/000003.log: No space left on device'

type Sizes = ReadonlyMap<string, number>

export class FaultyDisk extends FaultyFiles {
  /** The sizes of RocksDB's write-ahead logs at their last sync, and before the last write. */
  #synced: Sizes = new Map()
  #before: Sizes = new Map()
  #ignoredSyncs: IgnoredSyncs | undefined
  /** For each batch of RocksDB, whether it was synced. */
  readonly batches: boolean[] = []
  /** If set, batches fail with this message. */
  failure: string | undefined

  /** The syncs that have no effect. */
  set ignoredSyncs(part: IgnoredSyncs | undefined) {
    this.#ignoredSyncs = part
    this.ignoresSync = (path) => part === 'all' || part === (path.includes('/segments') ? 'log' : 'files')
  }

  /** Removes from a copy of a directory what does not survive the crash: of RocksDB's write-ahead log, the unsynced end. */
  override dropUnsynced(directory: string, copy: string, left: Survivors): void {
    super.dropUnsynced(directory, copy, left)
    for (const [name, size] of left === 'all' ? [] : logsIn(directory)) {
      const [synced, before] = [this.#synced.get(name) ?? 0, this.#before.get(name) ?? 0]
      const path = join(copy, 'log', name)
      const kept = left === 'sectors' ? Math.max(synced, before + this.tearAt(size - before)) : synced
      if (existsSync(path)) truncateSync(path, Math.min(kept, statSync(path).size))
    }
    this.ignoredSyncs = undefined
    this.failure = undefined
  }

  /** Wraps the addon, so that its writes are subject to this disk. */
  wrapBinding(binding: Binding): Binding {
    return (location) => {
      const database = binding(location)
      const [open, batch] = [database.open.bind(database), database.batch.bind(database)]
      const recordSizes = (): void => {
        this.#synced = sizesIn(location)
      }
      database.open = (options, callback) =>
        open(options, (error, value) => {
          recordSizes()
          callback(error, value)
        })
      database.batch = () => {
        const created = batch()
        const write = created.write.bind(created)
        created.write = (options, callback) => {
          this.batches.push(options.sync)
          const failure = this.isFull ? DISK_FULL : this.failure
          if (failure !== undefined) return void process.nextTick(callback, new Error(failure))
          this.#before = sizesIn(location)
          write(options, (error, value) => {
            void this.#onLogWritten(error === null || error === undefined).then(() => {
              if (options.sync && this.#ignoredSyncs !== 'all' && this.#ignoredSyncs !== 'log') recordSizes()
              callback(error, value)
            })
          })
        }
        return created
      }
      return database
    }
  }

  /** Called after a write to RocksDB's write-ahead log. */
  async #onLogWritten(hasSucceeded: boolean): Promise<void> {
    if (!hasSucceeded) return
    for (const left of ['nothing', 'sectors', 'all'] as const) await this.crashPoint(left)
  }
}

/** The sizes of RocksDB's write-ahead logs in a data directory, by name. */
function logsIn(directory: string): Sizes {
  return sizesIn(join(directory, 'log'))
}

function sizesIn(location: string): Sizes {
  if (!existsSync(location)) return new Map()
  const names = readdirSync(location).filter((name) => name.endsWith('.log'))
  return new Map(names.map((name) => [name, statSync(join(location, name)).size]))
}
