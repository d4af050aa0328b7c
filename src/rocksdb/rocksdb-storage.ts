/** The durable storage: the log in RocksDB, term and vote in two small files, each snapshot in a separate file. */

import type { DataDirectory } from '../data-directory/data-directory.ts'
import { DirectoryStorage } from '../data-directory/directory-storage.ts'
import type { BlockHeader } from '../log-format/block-list.ts'
import { loadBinding } from './binding.ts'
import type { RocksDBStorageOptions } from './options.ts'
import { resolveOptions } from './options.ts'
import { RocksDBFiles } from './rocksdb-engine.ts'
import { SpaceReserve } from './space-reserve.ts'

/**
 * The durable Storage of one node, in one data directory. It is opened once; create a new instance to reopen the directory.
 * Opening rejects with ERR_RAFT_DATA_DIR_LOCKED if another process uses the directory, with ERR_RAFT_CORRUPT if acknowledged data
 * is missing or damaged, and with ERR_RAFT_RUNTIME if the addon does not load. See docs/reference/storage-format.md.
 *
 *     const storage = new RocksDBStorage({ directory: './data/n1' })
 */
export class RocksDBStorage extends DirectoryStorage<BlockHeader> {
  constructor(options: RocksDBStorageOptions) {
    const { markDelayMs } = resolveOptions(options)
    super({
      path: options.directory,
      engine: 'rocksdb',
      markDelayMs,
      logPathIn: (directory) => directory.log,
      assertWorks: () => {
        if (options.binding === undefined) loadBinding()
      },
      openFiles: (directory, mustExist) => openRocksDBFiles(directory, mustExist, options),
    })
  }
}

/** Opens or creates the database of a directory, and locks the directory. */
export function openRocksDBFiles(
  directory: DataDirectory,
  mustExist: boolean,
  options: RocksDBStorageOptions = { directory: directory.path },
): Promise<RocksDBFiles> {
  const { writeBufferBytes, cacheBytes } = resolveOptions(options)
  const binding = options.binding ?? loadBinding()
  const reserve = new SpaceReserve(directory.path, writeBufferBytes)
  return RocksDBFiles.open(directory, { binding, writeBufferBytes, cacheBytes, reserve }, mustExist)
}
