/** The files of both storage engines, for the tools that open the data directory of a stopped node. */
import type { DataDirectory, EngineName } from '../data-directory/data-directory.ts'
import type { OpenEngine } from '../data-directory/log-engine.ts'

/** An engine is loaded when its files are opened for the first time. */
export const ENGINE_FILES: Readonly<Record<EngineName, OpenEngine>> = {
  rocksdb: async (directory: DataDirectory, mustExist: boolean) => {
    const { openRocksDBFiles } = await import('../rocksdb/rocksdb-storage.ts')
    return openRocksDBFiles(directory, mustExist)
  },
  segments: async (directory: DataDirectory, mustExist: boolean) => {
    const { openSegmentFiles } = await import('../segments/segment-storage.ts')
    return openSegmentFiles(directory, mustExist)
  },
}
