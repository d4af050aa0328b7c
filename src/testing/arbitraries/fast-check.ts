/** fast-check, loaded by whoever draws first: it is an optional peer, and simulating, replaying and judging do without it. */
import { createRequire } from 'node:module'
import type FastCheck from 'fast-check'
import { RaftError } from '../../errors.ts'

let loaded: typeof FastCheck | undefined

/** The same names as fast-check's own default export. It is required, not imported, so that nothing has to wait for it. */
export const fc: typeof FastCheck = new Proxy({} as typeof FastCheck, {
  get(_, name) {
    loaded ??= loadFastCheck(createRequire(import.meta.url))
    return loaded[name as keyof typeof FastCheck]
  },
})

/** Throws ERR_RAFT_RUNTIME, and says what to type, where it is not installed. */
export function loadFastCheck(require: (name: string) => unknown): typeof FastCheck {
  try {
    return require('fast-check') as typeof FastCheck
  } catch (error) {
    if ((error as { readonly code?: unknown }).code !== 'MODULE_NOT_FOUND') throw error
    throw new RaftError('ERR_RAFT_RUNTIME', 'drawing runs by chance needs fast-check, which is not installed', {
      hint: 'npm install --save-dev fast-check',
      cause: error,
    })
  }
}
