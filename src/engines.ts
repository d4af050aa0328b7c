/** The two storage engines of data directories, each loaded when it is first used. */
import { resolve } from 'node:path'
import type { Storage } from './contracts/storage.ts'
import type { EngineName } from './data-directory/data-directory.ts'
import { DataDirectory } from './data-directory/data-directory.ts'
import type { OpenEngine } from './data-directory/log-engine.ts'
import { isRaftError } from './errors.ts'
import type { OptionProblem } from './platform/options.ts'
import { throwOnProblems } from './platform/options.ts'
import { SEGMENT_STORAGE_DEFAULTS } from './segments/options.ts'

export { checkImmediateWriteBytes } from './segments/options.ts'

/** Opens the files of an engine, for the tools that work on the data directory of a stopped node. */
export const ENGINE_FILES: Readonly<Record<EngineName, OpenEngine>> = {
  rocksdb: async (directory, mustExist) => {
    const { openRocksDBFiles } = await import('./rocksdb/rocksdb-storage.ts')
    return openRocksDBFiles(directory, mustExist)
  },
  segments: async (directory, mustExist) => {
    const { openSegmentFiles } = await import('./segments/segment-storage.ts')
    return openSegmentFiles(directory, mustExist)
  },
}

/** The part of the heartbeat interval for which a write on the thread of JavaScript may stop the event loop. */
const IMMEDIATE_WRITE_SHARE = 1 / 20

const REASON_LENGTH_MAX = 300

/** Options of the node, which concern only segments. */
export interface ImmediateWriteOptions {
  readonly immediateWriteBytesMax?: number | undefined
  readonly heartbeatIntervalMs?: number | undefined
}

/** A storage that is not open yet. */
export interface ChosenStorage {
  readonly storage: Storage
  /** Why a new directory does not get RocksDB although it is installed; undefined in all other cases. */
  readonly reason: string | undefined
}

/**
 * The storage in a directory, not yet open: with the engine that the directory has, that is wanted, or that works here. Rejects with
 * ERR_RAFT_OPTIONS if `immediateWriteBytesMax` is given and the engine is RocksDB.
 */
export async function chooseStorage(
  directory: string,
  wanted: EngineName | undefined,
  { immediateWriteBytesMax, heartbeatIntervalMs = Infinity }: ImmediateWriteOptions = {},
): Promise<ChosenStorage> {
  const known = wanted ?? (await new DataDirectory(resolve(directory)).engine())
  const { engine, reason } = known === undefined ? await defaultEngine() : { engine: known, reason: undefined }
  if (engine === 'segments') {
    const { SegmentStorage } = await import('./segments/segment-storage.ts')
    const longestMs = heartbeatIntervalMs * IMMEDIATE_WRITE_SHARE
    const immediateWriteMsMax = Math.min(SEGMENT_STORAGE_DEFAULTS.immediateWriteMsMax, longestMs)
    return { storage: new SegmentStorage({ directory, immediateWriteBytesMax, immediateWriteMsMax }), reason }
  }
  throwOnProblems(immediateWriteProblems(immediateWriteBytesMax, engine))
  const { RocksDBStorage } = await import('./rocksdb/rocksdb-storage.ts')
  return { storage: new RocksDBStorage({ directory }), reason }
}

/** The problem of an `immediateWriteBytesMax` that would have no effect with this storage, if it is known. */
export function immediateWriteProblems(bytesMax: unknown, storage: unknown): OptionProblem[] {
  if (bytesMax === undefined || storage === undefined || storage === 'segments') return []
  const keeper = storage === 'rocksdb' ? 'RocksDB keeps this log' : 'a Storage of your own decides where it writes'
  return [{ path: 'immediateWriteBytesMax', problem: `is only for storage 'segments', and ${keeper}` }]
}

/** RocksDB if it is installed and loads. */
async function defaultEngine(): Promise<{ readonly engine: EngineName; readonly reason: string | undefined }> {
  const { isInstalled, loadBinding } = await import('./rocksdb/binding.ts')
  try {
    loadBinding()
    return { engine: 'rocksdb', reason: undefined }
  } catch (cause) {
    if (!isRaftError(cause, 'ERR_RAFT_RUNTIME')) throw cause
    return { engine: 'segments', reason: isInstalled() ? oneLine(cause.message) : undefined }
  }
}

/** An error of the dynamic linker may have several long lines. */
function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line.length > REASON_LENGTH_MAX ? `${line.slice(0, REASON_LENGTH_MAX - 1)}…` : line
}
