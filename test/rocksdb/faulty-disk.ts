/**
 * A simulated disk below a data directory: a crash at any step leaves a copy without unsynced data or with a half-finished write,
 * syncs can be ignored, and writes can fail.
 */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Binding } from '../../src/rocksdb/binding.ts'
import type { FileWatcher } from './watched-files.ts'

/** What survives of unsynced data: all, nothing, or half of the last write to RocksDB's write-ahead log. */
export type Survivors = 'all' | 'nothing' | 'half'

/** Which syncs are ignored: those of our files (hard state and snapshots), of RocksDB's write-ahead log, or all. */
export type IgnoredSyncs = 'all' | 'files' | 'log'

export const IGNORED_SYNCS: readonly IgnoredSyncs[] = ['all', 'files', 'log']

/** The error of the addon for a full disk. */
export const DISK_FULL: string =
  'IO error: No space left on deviceWhile appending to file: /x/000003.log: No space left on device'

type Crash = (left: Survivors) => Promise<void>

type Sizes = ReadonlyMap<string, number>

export class FaultyDisk implements FileWatcher {
  /** Unsynced contents and names of files, with what is there after a crash instead; undefined for no file. */
  readonly #contents = new Map<string, Buffer | undefined>()
  readonly #names = new Map<string, Buffer | undefined>()
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

  /** Removes from a copy of a directory what does not survive the crash. */
  dropUnsynced(directory: string, copy: string, left: Survivors): void {
    const placeIn = (path: string): string => join(copy, path.slice(directory.length))
    if (left === 'nothing') {
      for (const [path, bytes] of [...this.#contents, ...this.#names]) {
        if (!path.startsWith(directory) || !existsSync(dirname(placeIn(path)))) continue
        if (bytes === undefined) rmSync(placeIn(path), { force: true })
        else writeFileSync(placeIn(path), bytes)
      }
    }
    for (const [name, size] of left === 'all' ? [] : logsIn(directory)) {
      const [synced, before] = [this.#synced.get(name) ?? 0, this.#before.get(name) ?? 0]
      const path = join(copy, 'log', name)
      const kept = left === 'nothing' ? synced : (before + size) >> 1
      if (existsSync(path)) truncateSync(path, Math.min(kept, statSync(path).size))
    }
    this.#contents.clear()
    this.#names.clear()
    this.ignoredSyncs = undefined
    this.failure = undefined
    this.failsSyncs = false
  }

  beforeWrite(path: string): void {
    if (this.isFull)
      throw Object.assign(new Error(`ENOSPC: no space left on device, write '${path}'`), { code: 'ENOSPC' })
    if (!this.#contents.has(path)) this.#contents.set(path, bytesOf(path))
  }

  duringWrite(): Promise<void> {
    return this.#crashPoint('all')
  }

  /** A crash before a sync loses the data. The next crash point, after the sync, covers the case in which the data survives. */
  async beforeSync(path: string): Promise<void> {
    if (this.failsSyncs) throw Object.assign(new Error(`EIO: i/o error, fsync '${path}'`), { code: 'EIO' })
    await this.#crashPoint('nothing')
  }

  afterSync(path: string): void {
    if (this.ignoredSyncs === 'all' || this.ignoredSyncs === 'files') return
    this.#contents.delete(path)
    for (const name of [...this.#names.keys()]) if (dirname(name) === path) this.#names.delete(name)
  }

  async beforeRename(from: string, to: string): Promise<void> {
    for (const path of [from, to]) this.#rememberName(path)
  }

  afterRename(): Promise<void> {
    return this.#crashPoint('nothing')
  }

  async beforeRemove(path: string): Promise<void> {
    this.#rememberName(path)
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
    for (const left of ['nothing', 'half', 'all'] as const) await this.#crashPoint(left)
  }

  #rememberName(path: string): void {
    if (!this.#names.has(path)) this.#names.set(path, bytesOf(path))
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

function bytesOf(path: string): Buffer | undefined {
  return existsSync(path) ? readFileSync(path) : undefined
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
