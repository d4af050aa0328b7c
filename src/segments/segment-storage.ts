/** The durable storage without native code: the log in segment files, term and vote in two small files, each snapshot in a separate file. */

import type { DataDirectory } from '../data-directory/data-directory.ts'
import { DirectoryStorage } from '../data-directory/directory-storage.ts'
import { freeBytesOf } from '../data-directory/durable-files.ts'
import { RaftError } from '../errors.ts'
import type { SegmentStorageOptions } from './options.ts'
import { resolveOptions } from './options.ts'
import { SegmentLogFiles } from './segment-engine.ts'
import type { StoredBlock } from './segment-recovery.ts'

/** Kept free after a new segment is created, for the hard state and the header of a snapshot. */
const SLACK_BYTES = 1024 * 1024

/**
 * The durable Storage of one node, in one data directory. It is opened once; create a new instance to reopen the directory.
 * Opening rejects with ERR_RAFT_DATA_DIR_LOCKED if another process uses the directory, and with ERR_RAFT_CORRUPT if acknowledged data
 * is missing or damaged. See docs/reference/storage-format.md.
 *
 *     const storage = new SegmentStorage({ directory: './data/n1' })
 */
export class SegmentStorage extends DirectoryStorage<StoredBlock> {
  #files: SegmentLogFiles | undefined

  constructor(options: SegmentStorageOptions) {
    const { markDelayMs } = resolveOptions(options)
    super({
      path: options.directory,
      engine: 'segments',
      markDelayMs,
      logPathIn: (directory) => directory.segments,
      openFiles: async (directory, mustExist) => {
        this.#files = await openSegmentFiles(directory, mustExist, options)
        return this.#files
      },
    })
  }

  /** How many writes were made on the thread of JavaScript since this storage was opened; see `immediateWriteBytesMax`. */
  get immediateWrites(): number {
    return this.#files?.immediateWrites ?? 0
  }
}

/** Opens or creates the segments of a directory, and locks the directory. */
export function openSegmentFiles(
  directory: DataDirectory,
  mustExist: boolean,
  options: SegmentStorageOptions = { directory: directory.path },
): Promise<SegmentLogFiles> {
  const limits = resolveOptions(options)
  const reserve = (bytes: number): Promise<void> => reserveSpace(directory.path, bytes)
  return SegmentLogFiles.open(directory, { ...limits, reserve }, mustExist)
}

async function reserveSpace(path: string, bytes: number): Promise<void> {
  const [freeBytes, neededBytes] = [await freeBytesOf(path), bytes + SLACK_BYTES]
  if (freeBytes >= neededBytes) return
  throw new RaftError(
    'ERR_RAFT_NO_SPACE',
    `the disk at ${path} is almost full: ${freeBytes} bytes are free, and ${neededBytes} are needed for a new segment of the log`,
    {
      hint: 'free disk space, then restart this node; acknowledged data is safe',
      details: { path, freeBytes, neededBytes },
    },
  )
}
