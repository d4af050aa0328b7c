/** The options of the durable storage with their defaults and ranges. */
import {
  checkFunction,
  checkInteger,
  checkString,
  findOptionProblems,
  type OptionCheck,
  throwOnProblems,
  withDefaults,
} from '../platform/options.ts'
import type { Binding } from './binding.ts'

/** The options of RocksDBStorage; sizes in bytes, times in milliseconds. */
export interface RocksDBStorageOptions {
  /** The data directory; created with its parents if it does not exist. */
  readonly directory: string
  /** The size of a write buffer of RocksDB. It keeps up to two in memory, and its write-ahead log grows to about one. */
  readonly writeBufferBytes?: number | undefined
  /** The size of RocksDB's block cache. */
  readonly cacheBytes?: number | undefined
  /** How long after a write the end of the log is marked in the hard-state files, to detect its loss at the next open. */
  readonly markDelayMs?: number | undefined
  /** A fork of the addon with the same interface. Default: the package `rocksdb`. */
  readonly binding?: Binding | undefined
}

type NumberName = 'writeBufferBytes' | 'cacheBytes' | 'markDelayMs'

/** The defaults of RocksDBStorageOptions. */
export const ROCKSDB_STORAGE_DEFAULTS: Readonly<Record<NumberName, number>> = {
  writeBufferBytes: 32 * 1024 * 1024,
  cacheBytes: 8 * 1024 * 1024,
  markDelayMs: 1000,
}

/** The addon takes 32 bits and misreads anything else. */
const CHECKS: Readonly<Record<string, OptionCheck>> = {
  directory: checkString,
  writeBufferBytes: checkInteger(64 * 1024, 2 ** 32 - 1),
  cacheBytes: checkInteger(0, 2 ** 32 - 1),
  markDelayMs: checkInteger(0, 2 ** 31 - 1),
  binding: checkFunction,
}

/** Returns all numbers, with defaults for those that are not set; throws ERR_RAFT_OPTIONS that names every problem. */
export function resolveOptions(options: RocksDBStorageOptions): Readonly<Record<NumberName, number>> {
  const problems = findOptionProblems(options, CHECKS)
  if (options.directory === undefined) problems.push({ path: 'directory', problem: 'is missing' })
  throwOnProblems(problems)
  return withDefaults(ROCKSDB_STORAGE_DEFAULTS, options)
}
