/** Maps errors of RocksDB (texts) and of the file system (codes) to RaftErrors; the only place that interprets either. */
import type { ErrorCode, RaftErrorOptions } from '../errors.ts'
import { isRaftError, RaftError } from '../errors.ts'

interface Cause {
  readonly code?: string | undefined
  readonly message: string
}

const HINTS: Partial<Record<ErrorCode, string>> = {
  ERR_RAFT_NO_SPACE: 'free disk space, then restart this node; acknowledged data is safe',
  ERR_RAFT_NO_DESCRIPTORS:
    'the disk is not the cause: raise the limit of open files (`ulimit -n`, LimitNOFILE) or close connections',
  ERR_RAFT_DATA_DIR_ACCESS: 'check the path, its owner and its mode, or choose another data directory',
  ERR_RAFT_STORAGE: 'do not retry: check the disk first, then restart this node',
  ERR_RAFT_CORRUPT: 'other members hold the data: replace this member, and keep its directory until that is done',
}

/** The RaftError of a failed operation. `doing` completes the message "could not …". The hint is for a data directory unless one is passed. */
export function storageError(cause: unknown, doing: string, hint?: string): RaftError {
  if (isRaftError(cause)) return cause
  const { message, code } = describe(cause)
  const raftCode = classify(message, code)
  return new RaftError(raftCode, `could not ${doing}: ${message}`, { hint: hint ?? HINTS[raftCode], cause })
}

/** What an operator can do about an error of the storage. */
export function hintOf(code: ErrorCode): string | undefined {
  return HINTS[code]
}

/** The error for detected damage; `details` contain its location and the last good entry, if known. */
export function corrupt(what: string, details: RaftErrorOptions['details'], cause?: unknown): RaftError {
  return new RaftError('ERR_RAFT_CORRUPT', what, { hint: HINTS.ERR_RAFT_CORRUPT, details, cause })
}

/** Whether the database is locked by another process; not if its lock file could not be opened for want of a descriptor. */
export function isLockError(cause: unknown): boolean {
  const { message } = describe(cause)
  return /[/\\]LOCK: /.test(message) && !/Too many open files/.test(message)
}

/** Whether a file or directory does not exist. */
export function isMissing(cause: unknown): boolean {
  return (cause as Cause | undefined)?.code === 'ENOENT'
}

function classify(message: string, code: string | undefined): ErrorCode {
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return 'ERR_RAFT_NO_SPACE'
    case 'EMFILE':
    case 'ENFILE':
      return 'ERR_RAFT_NO_DESCRIPTORS'
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOTDIR':
    case 'EEXIST':
    case 'ENAMETOOLONG':
      return 'ERR_RAFT_DATA_DIR_ACCESS'
  }
  if (/No space left|Disk quota exceeded/.test(message)) return 'ERR_RAFT_NO_SPACE'
  if (/Too many open files/.test(message)) return 'ERR_RAFT_NO_DESCRIPTORS'
  if (/[/\\]LOCK: /.test(message)) return 'ERR_RAFT_DATA_DIR_LOCKED'
  // RocksDB cannot create its directory in a file system that takes no new names, such as /proc.
  if (/While mkdir if missing/.test(message)) return 'ERR_RAFT_DATA_DIR_ACCESS'
  // RocksDB detects a missing table at the first read from it, not when the database is opened.
  if (/^Corruption|^IO error: No such file/.test(message)) return 'ERR_RAFT_CORRUPT'
  if (/Permission denied|Read-only file system|not a directory/i.test(message)) return 'ERR_RAFT_DATA_DIR_ACCESS'
  return 'ERR_RAFT_STORAGE'
}

function describe(cause: unknown): Cause {
  if (cause instanceof Error) return cause
  return { message: String(cause) }
}
