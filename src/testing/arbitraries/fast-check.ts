/** Loads fast-check on first use. It is an optional peer dependency: simulating, replaying and checking work without it. */
import { createRequire } from 'node:module'
import type FastCheck from 'fast-check'
import { RaftError } from '../../errors.ts'

let loaded: typeof FastCheck | undefined

/** Has the members of fast-check's default export. Uses `require`, because an `import()` would make every caller asynchronous. */
export const fc: typeof FastCheck = new Proxy({} as typeof FastCheck, {
  get(_, name) {
    loaded ??= loadFastCheck(createRequire(import.meta.url))
    return loaded[name as keyof typeof FastCheck]
  },
})

/** Throws ERR_RAFT_RUNTIME with the install command as hint if fast-check is not installed. */
export function loadFastCheck(require: (name: string) => unknown): typeof FastCheck {
  try {
    return require('fast-check') as typeof FastCheck
  } catch (error) {
    if ((error as { readonly code?: unknown }).code !== 'MODULE_NOT_FOUND') throw error
    throw new RaftError('ERR_RAFT_RUNTIME', 'random runs need fast-check, which is not installed', {
      hint: 'npm install --save-dev fast-check',
      cause: error,
    })
  }
}
