/** The files of bearer tokens: those that a node knows, and the one of a client. */
import type { CallerRole } from '../access/roles.ts'
import { ROLES } from '../access/roles.ts'
import { RaftError } from '../errors.ts'
import { readFlagFile } from './flag-file.ts'

/** Each line is a role and a token. Throws ERR_RAFT_OPTIONS with the number of a line that is not. */
export function readTokens(path: string | undefined): Readonly<Record<string, CallerRole>> | undefined {
  if (path === undefined) return undefined
  const lines = readFlagFile('--tokens', path).toString().split('\n')
  return Object.fromEntries(
    lines.flatMap((line, offset) => {
      if (line.trim() === '' || line.startsWith('#')) return []
      const [role, token, ...rest] = line.trim().split(/\s+/)
      const known = ROLES.find((each) => each === role)
      if (known !== undefined && token !== undefined && rest.length === 0) return [[token, known] as const]
      throw new RaftError(
        'ERR_RAFT_OPTIONS',
        `--tokens has line ${offset + 1} of ${path}, which is not a role (${ROLES.join(', ')}) and a token`,
      )
    }),
  )
}

/** The token is the content of the file, without white space around it. */
export function readToken(path: string | undefined): string | undefined {
  return path === undefined ? undefined : readFlagFile('--token', path).toString().trim()
}
