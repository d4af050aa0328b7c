/** The options of the segment storage with their defaults and ranges. */
import {
  checkInteger,
  checkPositive,
  checkString,
  findOptionProblems,
  type OptionCheck,
  throwOnProblems,
  withDefaults,
} from '../platform/options.ts'

/** The options of SegmentStorage; sizes in bytes, times in milliseconds. */
export interface SegmentStorageOptions {
  /** The data directory; created with its parents if it does not exist. */
  readonly directory: string
  /** The size of a segment file. The first one has 4 MiB, and each further one twice the size of the last, up to this. */
  readonly segmentBytes?: number | undefined
  /**
   * A write of at most so many bytes is made on the thread of JavaScript while the disk is fast (`immediateWriteMsMax`). That
   * shortens a single proposal by about a quarter (decision 13), and stops the event loop while such a write takes long. 0 writes nothing this way.
   */
  readonly immediateWriteBytesMax?: number | undefined
  /**
   * The disk is fast if none of the recent writes took longer. A write on the thread of JavaScript stops the event loop for about so long, so it
   * should be far below the heartbeat interval; `startNode` uses a twentieth of that, up to this default.
   */
  readonly immediateWriteMsMax?: number | undefined
  /** How long after a write the end of the log is marked in the hard-state files, to detect its loss at the next open. */
  readonly markDelayMs?: number | undefined
}

type NumberName = 'segmentBytes' | 'immediateWriteBytesMax' | 'immediateWriteMsMax' | 'markDelayMs'

/** The defaults of SegmentStorageOptions. */
export const SEGMENT_STORAGE_DEFAULTS: Readonly<Record<NumberName, number>> = {
  segmentBytes: 64 * 1024 * 1024,
  immediateWriteBytesMax: 4096,
  immediateWriteMsMax: 5,
  markDelayMs: 1000,
}

/** The range of `immediateWriteBytesMax`. */
export const checkImmediateWriteBytes: OptionCheck = checkInteger(0, 1024 * 1024)

const CHECKS: Readonly<Record<string, OptionCheck>> = {
  directory: checkString,
  segmentBytes: checkInteger(64 * 1024, 1024 * 1024 * 1024),
  immediateWriteBytesMax: checkImmediateWriteBytes,
  immediateWriteMsMax: checkPositive,
  markDelayMs: checkInteger(0, 2 ** 31 - 1),
}

/** Returns all numbers, with defaults for those that are not set; throws ERR_RAFT_OPTIONS that names every problem. */
export function resolveOptions(options: SegmentStorageOptions): Readonly<Record<NumberName, number>> {
  const problems = findOptionProblems(options, CHECKS)
  if (options.directory === undefined) problems.push({ path: 'directory', problem: 'is missing' })
  throwOnProblems(problems)
  return withDefaults(SEGMENT_STORAGE_DEFAULTS, options)
}
