/** Tests of what the command prints when it is typed wrongly: what is wrong, and what to do. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { run } from '../../src/cli/program.ts'

const NO_FILE = join(import.meta.dirname, 'no-such-file')

const MISTAKES: readonly { readonly typed: readonly string[]; readonly exitCode: number; readonly says: RegExp[] }[] = [
  { typed: ['put', 'k'], exitCode: 2, says: [/missing required argument 'value'/, /\(see quorate put --help\)/] },
  { typed: ['member', 'add'], exitCode: 2, says: [/\(see quorate member add --help\)/] },
  { typed: ['gett', 'k'], exitCode: 2, says: [/Did you mean get\?/, /\(see quorate --help\)/] },
  { typed: ['get', 'k', '-e', ''], exitCode: 2, says: [/'' lists no address, such as 127\.0\.0\.1:7001/] },
  { typed: ['status', '--tls-ca', NO_FILE], exitCode: 2, says: [/ENOENT/, /hint: +pass the path of a file/] },
  {
    typed: ['snapshot', 'inspect', NO_FILE],
    exitCode: 78,
    says: [/there is no file/, /hint: pass the path of another backup/],
  },
  {
    typed: ['snapshot', 'inspect', import.meta.filename],
    exitCode: 78,
    says: [/is no backup, or is damaged/, /hint: pass the path of another backup/],
  },
]

describe('a wrong command line', () => {
  for (const { typed, exitCode, says } of MISTAKES)
    it(`quorate ${typed.join(' ')}`, async () => {
      let printed = ''
      const print = (text: string | Uint8Array): void => {
        printed += String(text)
      }
      const terminal = {
        ...{ out: print, err: print, isTty: false },
        ask: async () => undefined,
        readInput: async () => new Uint8Array(0),
      }
      assert.equal(await run(typed, terminal, '0.0.0'), exitCode, printed)
      for (const words of says) assert.match(printed, words)
    })
})
