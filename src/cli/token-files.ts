/** The files of bearer tokens: those that a node knows, and the one of a client. */
import { readFileSync } from 'node:fs'
import type { CallerRole } from '../access/roles.ts'
import { ROLES } from '../access/roles.ts'
import { RaftError } from '../errors.ts'
import { errorMessage } from '../platform/error-message.ts'

/** Each line is a role and a token. Throws ERR_RAFT_OPTIONS with the number of a line that is not. */
export function readTokens(path: string | undefined): Readonly<Record<string, CallerRole>> | undefined {
  if (path === undefined) return undefined
  const lines = readText('--tokens', path).split('\n')
  return Object.fromEntries(
    lines.flatMap((line, offset) => {
      if (line.trim() === '' || line.startsWith('#')) return []
      const [role, token, ...rest] = line.trim().split(/\s+/)
      const known = ROLES.find((each) => each === role)
      if (known !== undefined && token !== undefined && rest.length === 0) return [[token, known] as const]
      throw new RaftError(
        'ERR_RAFT_OPTIONS',
        `line ${offset + 1} of ${path} is not a role (${ROLES.join(', ')}) and a token`,
      )
    }),
  )
}

/** The token is the content of the file, without white space around it. */
export function readToken(path: string | undefined): string | undefined {
  return path === undefined ? undefined : readText('--token', path).trim()
}

function readText(flag: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const hint = 'pass the path of a file that this user may read'
    throw new RaftError('ERR_RAFT_OPTIONS', `${flag} cannot be read: ${errorMessage(cause)}`, { hint, cause })
  }
}
