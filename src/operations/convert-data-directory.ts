/** Moves the log of a stopped node between RocksDB and segment files. Both are loaded when it is called. */
import { resolve } from 'node:path'
import type { Conversion } from '../data-directory/convert.ts'
import { ENGINE_FILES } from '../engines.ts'
import type { OptionCheck } from '../platform/options.ts'
import { checkBoolean, checkFunction, checkString, findOptionProblems, throwOnProblems } from '../platform/options.ts'

export interface ConvertDirectoryOptions {
  /** The data directory of a node that is stopped. */
  readonly directory: string
  /** What is to keep its log. */
  readonly to: 'rocksdb' | 'segments'
  /** Renames the old files to `log.kept` or `segments.kept` instead of removing them. Default: false. */
  readonly keepsOld?: boolean | undefined
  /** Called with the bytes copied and compared so far, and the sum of both at the end. */
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined
}

const CHECKS: Readonly<Record<string, OptionCheck>> = {
  directory: checkString,
  to: (value) => (value === 'rocksdb' || value === 'segments' ? undefined : "must be 'rocksdb' or 'segments'"),
  keepsOld: checkBoolean,
  onProgress: checkFunction,
}

/**
 * Writes the log of a stopped node with the other engine, compares every block with the old one, and only then changes the engine of the
 * directory, in one step. Rejects with ERR_RAFT_DATA_DIR_LOCKED while a node uses it; after any error the directory is as it was, or
 * converted. After a crash too: the same call then removes what is left over.
 *
 *     await convertDataDirectory({ directory: './data/n1', to: 'segments' })
 */
export async function convertDataDirectory(options: ConvertDirectoryOptions): Promise<Conversion> {
  const problems = findOptionProblems(options, CHECKS)
  for (const path of ['directory', 'to'] as const)
    if (options[path] === undefined) problems.push({ path, problem: 'is missing' })
  throwOnProblems(problems)
  const { directory, to, keepsOld = false, onProgress } = options
  const { convertDirectory } = await import('../data-directory/convert.ts')
  const { DataDirectory } = await import('../data-directory/data-directory.ts')
  return convertDirectory(new DataDirectory(resolve(directory)), { to, engines: ENGINE_FILES, keepsOld, onProgress })
}
