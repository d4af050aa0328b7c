/** Reports what the data directory of a stopped node contains, verifies it, and reads its log. */
import { resolve } from 'node:path'
import type { LogIndex } from '../core/types.ts'
import type { DirectoryReport, StoredEntry } from '../data-directory/inspect.ts'
import { ENGINE_FILES } from '../engines.ts'
import type { OptionCheck } from '../platform/options.ts'
import { checkBoolean, checkFunction, checkString, findOptionProblems, throwOnProblems } from '../platform/options.ts'

export interface InspectDirectoryOptions {
  /** The data directory of a node that is stopped. */
  readonly directory: string
  /** Reads every byte and compares all checksums. Default: false. */
  readonly verify?: boolean | undefined
  /** Called with the bytes read so far, and their sum. Only with `verify`. */
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined
}

const CHECKS: Readonly<Record<string, OptionCheck>> = {
  directory: checkString,
  verify: checkBoolean,
  onProgress: checkFunction,
}

/**
 * What a data directory contains: whose it is, term and vote, the ends of its log, its snapshot and its membership. Damage is listed in
 * `problems`, with the first bad index and whether committed entries may be affected. Rejects with ERR_RAFT_DATA_DIR_LOCKED while a node uses
 * the directory, ERR_RAFT_DATA_DIR_ACCESS if it is none, and ERR_RAFT_CORRUPT if its file IDENTITY is damaged.
 *
 *     const { log, problems } = await inspectDataDirectory({ directory: './data/n1', verify: true })
 */
export async function inspectDataDirectory(options: InspectDirectoryOptions): Promise<DirectoryReport> {
  const problems = findOptionProblems(options, CHECKS)
  if (options.directory === undefined) problems.push({ path: 'directory', problem: 'is missing' })
  throwOnProblems(problems)
  const { directory, verify = false, onProgress } = options
  const { inspectDirectory } = await import('../data-directory/inspect.ts')
  const { DataDirectory } = await import('../data-directory/data-directory.ts')
  return inspectDirectory(new DataDirectory(resolve(directory)), {
    engines: ENGINE_FILES,
    verifies: verify,
    onProgress,
  })
}

/**
 * The entries of the log of a stopped node, in order, from `from` (default: its first) to `to` (default: its last), committed or not. The
 * directory is locked until the iteration ends. Rejects with ERR_RAFT_CORRUPT at the first damaged entry.
 */
export async function* readDataDirectoryLog(
  directory: string,
  { from = 1, to = Number.MAX_SAFE_INTEGER }: { readonly from?: LogIndex; readonly to?: LogIndex } = {},
): AsyncGenerator<StoredEntry, void, undefined> {
  const { readEntries } = await import('../data-directory/inspect.ts')
  const { DataDirectory } = await import('../data-directory/data-directory.ts')
  yield* readEntries(new DataDirectory(resolve(directory)), ENGINE_FILES, { from, to })
}
