/** The settings of the durable storage: names, defaults and what is allowed. */
import { RaftError } from '../errors.ts'
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

/** [least, most]: the addon takes 32 bits and reads anything else as garbage. */
const RANGES: Readonly<Record<NumberName, readonly [number, number]>> = {
  writeBufferBytes: [64 * 1024, 2 ** 32 - 1],
  cacheBytes: [0, 2 ** 32 - 1],
  markDelayMs: [0, 2 ** 31 - 1],
}

/** All numbers with their defaults; throws ERR_RAFT_OPTIONS naming everything that is wrong. */
export function settingsOf(options: RocksDBStorageOptions): Readonly<Record<NumberName, number>> {
  const settings = { ...ROCKSDB_STORAGE_DEFAULTS }
  const problems = typeof options.directory === 'string' && options.directory !== '' ? [] : ['directory must be a path']
  for (const [name, [least, most]] of Object.entries(RANGES) as [NumberName, readonly [number, number]][]) {
    const value = options[name] ?? settings[name]
    if (!Number.isSafeInteger(value) || value < least || value > most)
      problems.push(`${name} must be a whole number from ${least} to ${most}, not ${value}`)
    settings[name] = value
  }
  if (problems.length > 0) throw new RaftError('ERR_RAFT_OPTIONS', `bad storage options: ${problems.join('; ')}`)
  return settings
}
