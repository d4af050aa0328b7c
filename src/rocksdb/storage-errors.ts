/** What went wrong on disk, told apart: RocksDB says it in text only, the file system in codes. The one place that reads either. */
import type { ErrorCode, RaftErrorOptions } from '../errors.ts'
import { isRaftError, RaftError } from '../errors.ts'

interface Cause {
  readonly code?: string | undefined
  readonly message: string
}

const HINTS: Partial<Record<ErrorCode, string>> = {
  ERR_RAFT_NO_SPACE: 'free some space, then start this node again: what it acknowledged is safe',
  ERR_RAFT_DATA_DIR_ACCESS: 'check the path, its owner and its mode, or choose another data directory',
  ERR_RAFT_STORAGE: 'the disk is not to be trusted with a second try: look at it, then start this node again',
  ERR_RAFT_CORRUPT: 'other members hold the data: replace this member, and keep the directory until that is done',
}

/** The RaftError of a failed operation. `doing` completes "could not …". */
export function storageError(cause: unknown, doing: string): RaftError {
  if (isRaftError(cause)) return cause
  const { message, code } = describe(cause)
  const raftCode = classify(message, code)
  return new RaftError(raftCode, `could not ${doing}: ${message}`, { hint: HINTS[raftCode], cause })
}

/** Damage that was found: what is wrong, where, and what is still known to be good. */
export function corrupt(what: string, details: RaftErrorOptions['details'], cause?: unknown): RaftError {
  return new RaftError('ERR_RAFT_CORRUPT', what, { hint: HINTS.ERR_RAFT_CORRUPT, details, cause })
}

/** Whether an error says that somebody else has the database open. */
export function isLockError(cause: unknown): boolean {
  return /[/\\]LOCK: /.test(describe(cause).message)
}

/** Whether a file or directory just is not there. */
export function isMissing(cause: unknown): boolean {
  return (cause as Cause | undefined)?.code === 'ENOENT'
}

function classify(message: string, code: string | undefined): ErrorCode {
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return 'ERR_RAFT_NO_SPACE'
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOTDIR':
    case 'EEXIST':
    case 'ENAMETOOLONG':
      return 'ERR_RAFT_DATA_DIR_ACCESS'
  }
  if (/No space left|Disk quota exceeded/.test(message)) return 'ERR_RAFT_NO_SPACE'
  if (/[/\\]LOCK: /.test(message)) return 'ERR_RAFT_DATA_DIR_LOCKED'
  // A table that is gone is met at the first read of it, not when the database is opened.
  if (/^Corruption|^IO error: No such file/.test(message)) return 'ERR_RAFT_CORRUPT'
  if (/Permission denied|Read-only file system|not a directory/i.test(message)) return 'ERR_RAFT_DATA_DIR_ACCESS'
  return 'ERR_RAFT_STORAGE'
}

function describe(cause: unknown): Cause {
  if (cause instanceof Error) return cause
  return { message: String(cause) }
}
