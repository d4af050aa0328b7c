/**
 * The power of a data directory: it can go at any moment at which the disk holds something else than before, and leaves a copy
 * without what was not synced, or with half of what was being written.
 */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Binding } from '../../src/rocksdb/binding.ts'
import type { FileWatcher } from './watched-files.ts'

/** What is left of that which was not synced: all, nothing, or half of what RocksDB last added to its own log. */
export type Survivors = 'all' | 'nothing' | 'half'

/** What a disk may lie about: term and vote and snapshots, RocksDB's own log, or both. */
export type IgnoredSyncs = 'all' | 'files' | 'log'

export const IGNORED_SYNCS: readonly IgnoredSyncs[] = ['all', 'files', 'log']

/** What addon and file system say when a write meets a full disk. */
export const DISK_FULL: string =
  'IO error: No space left on deviceWhile appending to file: /x/000003.log: No space left on device'

type Cut = (left: Survivors) => Promise<void>

type Sizes = ReadonlyMap<string, number>

export class FaultyDisk implements FileWatcher {
  /** Names and contents that may be gone after a power cut, and what is there then instead; undefined: nothing. */
  readonly #contents = new Map<string, Buffer | undefined>()
  readonly #names = new Map<string, Buffer | undefined>()
  /** How long RocksDB's own logs were when they were last synced, and before the last addition. */
  #synced: Sizes = new Map()
  #before: Sizes = new Map()
  #armed: { momentsLeft: number; readonly cut: Cut } | undefined
  #cutting: Promise<void> | undefined
  /** Of what the syncs do nothing. */
  ignoredSyncs: IgnoredSyncs | undefined
  /** No write finds room. */
  isFull = false
  /** Whether each batch of RocksDB was synced. */
  readonly batches: boolean[] = []
  /** Set to make batches fail with this. */
  failure: string | undefined
  /** The syncs of files fail. */
  failsSyncs = false

  /** Does something, and cuts the power at a moment of it; false if it ends before. */
  async cutPowerWithin(action: () => Promise<unknown>, moment: number, cut: Cut): Promise<boolean> {
    const isCut = new Promise<void>((resolve) => {
      this.#armed = { momentsLeft: moment, cut: (left) => cut(left).finally(resolve) }
    })
    await Promise.race([isCut, action().catch(() => undefined)])
    this.#armed = undefined
    const cutting = this.#cutting
    this.#cutting = undefined
    await cutting
    return cutting !== undefined
  }

  /** Takes from a copy of a directory what is not left of it. */
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

  /** That all of it is there, though not synced, is the same as that it is synced: a moment of what comes next. */
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

  /** The addon, under this power. */
  wrapBinding(binding: Binding): Binding {
    return (location) => {
      const database = binding(location)
      const [open, batch] = [database.open.bind(database), database.batch.bind(database)]
      const noteSizes = (): void => {
        this.#synced = sizesIn(location)
      }
      database.open = (options, callback) =>
        open(options, (error, value) => {
          noteSizes()
          callback(error, value)
        })
      database.batch = () => {
        const made = batch()
        const write = made.write.bind(made)
        made.write = (options, callback) => {
          this.batches.push(options.sync)
          const failure = this.isFull ? DISK_FULL : this.failure
          if (failure !== undefined) return void process.nextTick(callback, new Error(failure))
          this.#before = sizesIn(location)
          write(options, (error, value) => {
            void this.#onLogWritten(error === null || error === undefined).then(() => {
              if (options.sync && this.ignoredSyncs !== 'all' && this.ignoredSyncs !== 'log') noteSizes()
              callback(error, value)
            })
          })
        }
        return made
      }
      return database
    }
  }

  /** RocksDB has added to its own log. */
  async #onLogWritten(isGood: boolean): Promise<void> {
    if (!isGood) return
    for (const left of ['nothing', 'half', 'all'] as const) await this.#crashPoint(left)
  }

  #rememberName(path: string): void {
    if (!this.#names.has(path)) this.#names.set(path, bytesOf(path))
  }

  /** What is under way waits while the power goes. */
  async #crashPoint(left: Survivors): Promise<void> {
    if (this.#armed === undefined || this.#armed.momentsLeft-- > 0) return
    const { cut } = this.#armed
    this.#armed = undefined
    this.#cutting = cut(left)
    await this.#cutting
  }
}

function bytesOf(path: string): Buffer | undefined {
  return existsSync(path) ? readFileSync(path) : undefined
}

/** RocksDB's own logs in a data directory, by name. */
function logsIn(directory: string): Sizes {
  return sizesIn(join(directory, 'log'))
}

function sizesIn(location: string): Sizes {
  if (!existsSync(location)) return new Map()
  const names = readdirSync(location).filter((name) => name.endsWith('.log'))
  return new Map(names.map((name) => [name, statSync(join(location, name)).size]))
}
