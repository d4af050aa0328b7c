/** The native addon `rocksdb`: the part of its interface that we use, and the only place that loads it. */
import { createRequire, Module } from 'node:module'
import { dirname, join } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import { isRaftError, RaftError } from '../errors.ts'
import { loadPrebuilt } from './prebuilt.ts'

export type Callback<Value = void> = (error: Error | null | undefined, value: Value) => void

export interface BindingBatch {
  put(key: Buffer, value: Buffer): unknown
  del(key: Buffer): unknown
  write(options: { readonly sync: boolean }, callback: Callback): void
}

export interface BindingIterator {
  next(callback: (error: Error | null | undefined, key?: Buffer, value?: Buffer) => void): void
  end(callback: Callback): void
}

/** Half-open: [gte, lt). */
export interface KeyRange {
  readonly gte: Buffer
  readonly lt: Buffer
}

/** One database of the addon. A call while it is not open crashes the process, so only `Database` may use it. */
export interface BindingDatabase {
  open(options: Readonly<Record<string, boolean | number | string>>, callback: Callback): void
  close(callback: Callback): void
  getMany(keys: readonly Buffer[], options: object, callback: Callback<(Buffer | undefined)[]>): void
  batch(): BindingBatch
  iterator(range: KeyRange & { readonly highWaterMark: number }): BindingIterator
  clear(range: KeyRange, callback: Callback): void
  compactRange(from: Buffer, to: Buffer, callback: Callback): void
}

/** The interface of `require('rocksdb')`; a fork with the same interface works too. */
export type Binding = (location: string) => BindingDatabase

/** Whether the package is there, which does not say that it loads. */
export function isInstalled(): boolean {
  try {
    createRequire(import.meta.url).resolve('rocksdb')
    return true
  } catch {
    return false
  }
}

/** Loads the addon; throws ERR_RAFT_RUNTIME if it is not installed or does not load. */
export function loadBinding(): Binding {
  if (!isMainThread)
    throw new RaftError('ERR_RAFT_RUNTIME', 'RocksDB works on the main thread only, and this is a worker thread', {
      hint: 'open the node on the main thread, or use storage: segments in the worker',
    })
  try {
    const require = createRequire(import.meta.url)
    const entry = require.resolve('rocksdb')
    if (require.cache[entry] === undefined) useAddon(require, join(dirname(entry), 'binding.js'), loadPrebuilt(entry))
    return require('rocksdb') as Binding
  } catch (cause) {
    if (isRaftError(cause)) throw cause
    throw new RaftError(
      'ERR_RAFT_RUNTIME',
      isInstalled()
        ? `the native addon rocksdb does not load on ${process.platform} ${process.arch}: ${String(cause)}`
        : 'durable storage needs the package rocksdb, which is not installed',
      {
        hint: 'install rocksdb (npm install --ignore-scripts rocksdb@5), or use storage: segments, which needs no native code',
        cause,
      },
    )
  }
}

/** Makes the package use this addon: `binding.js` is the file of the package that would load one. */
function useAddon(require: NodeJS.Require, file: string, addon: unknown): void {
  if (addon === undefined) return
  const module = new Module(file)
  module.exports = addon
  module.filename = file
  module.loaded = true
  require.cache[file] = module
}
