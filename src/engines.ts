/** The two storage engines of data directories, each loaded when it is first used. */
import { resolve } from 'node:path'
import type { Storage } from './contracts/storage.ts'
import type { EngineName } from './data-directory/data-directory.ts'
import { DataDirectory } from './data-directory/data-directory.ts'
import type { OpenEngine } from './data-directory/log-engine.ts'
import { isRaftError } from './errors.ts'

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

/** The storage in a directory, not yet open: with the engine that the directory has, that is wanted, or that works here. */
export async function openStorage(directory: string, wanted: EngineName | undefined): Promise<Storage> {
  const engine = wanted ?? (await new DataDirectory(resolve(directory)).engine()) ?? (await defaultEngine())
  if (engine === 'segments') {
    const { SegmentStorage } = await import('./segments/segment-storage.ts')
    return new SegmentStorage({ directory })
  }
  const { RocksDBStorage } = await import('./rocksdb/rocksdb-storage.ts')
  return new RocksDBStorage({ directory })
}

/** RocksDB if it is installed and loads. */
async function defaultEngine(): Promise<EngineName> {
  const { loadBinding } = await import('./rocksdb/binding.ts')
  try {
    loadBinding()
    return 'rocksdb'
  } catch (cause) {
    if (isRaftError(cause, 'ERR_RAFT_RUNTIME')) return 'segments'
    throw cause
  }
}
