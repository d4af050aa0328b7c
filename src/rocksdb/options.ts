/** The settings of the durable storage: names, defaults and what is allowed. */
import {
  checkInteger,
  checkString,
  findOptionProblems,
  type OptionCheck,
  throwOnProblems,
  withDefaults,
} from '../platform/options.ts'
import type { Binding } from './binding.ts'

export interface RocksDBStorageOptions {
  /** Where everything lies; made, with its parents, if it is not there. */
  readonly directory: string
  /** RocksDB keeps up to two of these in memory before it writes them out; its own log grows to about one. */
  readonly writeBufferBytes?: number | undefined
  /** RocksDB's cache of what it read. */
  readonly cacheBytes?: number | undefined
  /** How soon after a write the log's end is marked in the hard-state files, so that losing it is noticed at the next open. */
  readonly markDelayMs?: number | undefined
  /** The addon, if it is not the package `rocksdb`: a fork with the same interface. */
  readonly binding?: Binding | undefined
}

type NumberName = 'writeBufferBytes' | 'cacheBytes' | 'markDelayMs'

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
}

/** All numbers with their defaults; throws ERR_RAFT_OPTIONS that names every problem. */
export function resolveOptions(options: RocksDBStorageOptions): Readonly<Record<NumberName, number>> {
  const { directory } = options
  const numbers = withDefaults(ROCKSDB_STORAGE_DEFAULTS, options)
  const problems = findOptionProblems({ ...numbers, directory }, CHECKS)
  if (directory === undefined) problems.push({ path: 'directory', problem: 'is missing' })
  throwOnProblems(problems)
  return numbers
}
