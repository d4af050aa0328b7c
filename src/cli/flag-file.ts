/** Reads a file that a flag names. */
import { readFileSync } from 'node:fs'
import { RaftError } from '../errors.ts'
import { errorMessage } from '../platform/error-message.ts'

/** Throws ERR_RAFT_OPTIONS, with the flag, if the file cannot be read. */
export function readFlagFile(flag: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    const hint = 'pass the path of a file that this user may read'
    throw new RaftError('ERR_RAFT_OPTIONS', `${flag} cannot be read: ${errorMessage(cause)}`, { hint, cause })
  }
}
