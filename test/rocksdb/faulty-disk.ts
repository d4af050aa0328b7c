/**
 * A simulated disk below a data directory: a crash at any step leaves a copy without unsynced data or with a half-finished write,
 * syncs can be ignored, and writes can fail.
 */
import { existsSync, readdirSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import type { Binding } from '../../src/rocksdb/binding.ts'
import type { Survivors } from '../storage/unsynced-data.ts'
import { UnsyncedData } from '../storage/unsynced-data.ts'
import type { FileWatcher, WatchedFile } from '../storage/watched-files.ts'

/** Which syncs are ignored: those of the hard state and the snapshots, of the log (RocksDB's or segments), or all. */
export type IgnoredSyncs = 'all' | 'files' | 'log'

export const IGNORED_SYNCS: readonly IgnoredSyncs[] = ['all', 'files', 'log']

/** The error of the addon for a full disk. */
export const DISK_FULL: string =
  'IO error: No space left on deviceWhile appending to file: /x/000003.log: No space left on device'

type Crash = (left: Survivors) => Promise<void>

type Sizes = ReadonlyMap<string, number>

export class FaultyDisk implements FileWatcher {
  readonly #unsynced = new UnsyncedData()
  /** The sizes of RocksDB's write-ahead logs at their last sync, and before the last write. */
  #synced: Sizes = new Map()
  #before: Sizes = new Map()
  #armed: { crashPointsLeft: number; readonly crash: Crash } | undefined
  #crashing: Promise<void> | undefined
  /** The syncs that have no effect. */
  ignoredSyncs: IgnoredSyncs | undefined
  /** Whether every write fails because the disk is full. */
  isFull = false
  /** For each batch of RocksDB, whether it was synced. */
  readonly batches: boolean[] = []
  /** If set, batches fail with this message. */
  failure: string | undefined
  /** Whether the syncs of files fail. */
  failsSyncs = false
  /** The number of next opens that fail for want of a descriptor. */
  opensToFail = 0

  beforeOpen(path: string): void {
    if (this.opensToFail === 0) return
    this.opensToFail--
    throw Object.assign(new Error(`EMFILE: too many open files, open '${path}'`), { code: 'EMFILE' })
  }

  /** Runs an action and crashes at one of its crash points; resolves with false if the action ends first. */
  async crashWithin(action: () => Promise<unknown>, moment: number, crash: Crash): Promise<boolean> {
    const crashed = new Promise<void>((resolve) => {
      this.#armed = { crashPointsLeft: moment, crash: (left) => crash(left).finally(resolve) }
    })
    await Promise.race([crashed, action().catch(() => undefined)])
    this.#armed = undefined
    const crashing = this.#crashing
    this.#crashing = undefined
    await crashing
    return crashing !== undefined
  }

  /** Removes from a copy of a directory what does not survive the crash: of RocksDB's write-ahead log, the unsynced end. */
  dropUnsynced(directory: string, copy: string, left: Survivors): void {
    this.#unsynced.applyTo(directory, copy, left)
    for (const [name, size] of left === 'all' ? [] : logsIn(directory)) {
      const [synced, before] = [this.#synced.get(name) ?? 0, this.#before.get(name) ?? 0]
      const path = join(copy, 'log', name)
      const kept = left === 'sectors' ? Math.max(synced, (before + size) >> 1) : synced
      if (existsSync(path)) truncateSync(path, Math.min(kept, statSync(path).size))
    }
    this.#unsynced.clear()
    this.ignoredSyncs = undefined
    this.failure = undefined
    this.failsSyncs = false
  }

  afterCreate(path: string): void {
    this.#unsynced.recordCreate(path)
  }

  beforeWrite(file: WatchedFile): void {
    if (this.isFull)
      throw Object.assign(new Error(`ENOSPC: no space left on device, write '${file.path}'`), { code: 'ENOSPC' })
    this.#unsynced.recordWrite(file)
  }

  async duringWrite(): Promise<void> {
    await this.#crashPoint('all')
    await this.#crashPoint('sectors')
  }

  async afterWrite({ path }: WatchedFile, isSynced: boolean): Promise<void> {
    if (!isSynced) return
    if (this.failsSyncs) throw Object.assign(new Error(`EIO: i/o error, write '${path}'`), { code: 'EIO' })
    for (const left of ['nothing', 'sectors'] as const) await this.#crashPoint(left)
  }

  /** A crash before a sync loses data. The next crash point, after the sync, covers the case in which it survives. */
  async beforeSync({ path }: WatchedFile): Promise<void> {
    if (this.failsSyncs) throw Object.assign(new Error(`EIO: i/o error, fsync '${path}'`), { code: 'EIO' })
    for (const left of ['nothing', 'sectors'] as const) await this.#crashPoint(left)
  }

  afterSync(file: WatchedFile): void {
    const part = file.path.includes('/segments') ? 'log' : 'files'
    if (this.ignoredSyncs === 'all' || this.ignoredSyncs === part) return
    this.#unsynced.recordSync(file)
  }

  async beforeRename(from: string, to: string): Promise<void> {
    for (const path of [from, to]) this.#unsynced.recordName(path)
  }

  async afterRename(): Promise<void> {
    for (const left of ['nothing', 'names', 'contents'] as const) await this.#crashPoint(left)
  }

  async beforeRemove(path: string): Promise<void> {
    this.#unsynced.recordName(path)
    await this.#crashPoint('all')
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
              if (options.sync && this.ignoredSyncs !== 'all' && this.ignoredSyncs !== 'log') recordSizes()
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
    for (const left of ['nothing', 'sectors', 'all'] as const) await this.#crashPoint(left)
  }

  /** Crashes here if the chosen crash point is reached; the running operation waits meanwhile. */
  async #crashPoint(left: Survivors): Promise<void> {
    if (this.#armed === undefined || this.#armed.crashPointsLeft-- > 0) return
    const { crash } = this.#armed
    this.#armed = undefined
    this.#crashing = crash(left)
    await this.#crashing
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
