/** The documented exit codes are those that commands and nodes end with. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { EXIT, exitCodeOfCommand, exitCodeOfNode } from '../../src/cli/exit-codes.ts'
import { ERROR_CODES, type ErrorCode, RaftError } from '../../src/errors.ts'

const REFERENCE = join(import.meta.dirname, '..', '..', 'docs', 'reference')
const CODES = Object.keys(ERROR_CODES) as ErrorCode[]

describe('the exit codes', () => {
  it('in the table of docs/reference/cli.md are those that exist', () => {
    const page = readFileSync(join(REFERENCE, 'cli.md'), 'utf8')
    const table = page.slice(page.indexOf('## Exit codes'), page.indexOf('For systemd'))
    const documented = [...table.matchAll(/^\| ([\d, ]+) \|/gm)].flatMap(([, codes]) =>
      String(codes).split(',').map(Number),
    )
    assert.deepEqual(documented, Object.values(EXIT))
  })

  it('each belong to an error, a signal or an outcome', () => {
    const errors = CODES.flatMap((code) =>
      (['not-applied', 'unknown'] as const).flatMap((outcome) => {
        const error = new RaftError(code, 'text', { outcome })
        return [exitCodeOfCommand(error), exitCodeOfNode(error)]
      }),
    )
    const reached = new Set([...errors, EXIT.ok, EXIT.interrupted, EXIT.terminated])
    assert.deepEqual(
      Object.values(EXIT).filter((code) => !reached.has(code)),
      [],
    )
  })

  for (const code of CODES)
    it(`of a node with ${code} is that of docs/reference/errors.md`, () => {
      const documented = /exit (\d+)/.exec(firstSentenceOf(code))?.[1]
      const actual = exitCodeOfNode(new RaftError(code, 'text'))
      assert.equal(documented === undefined ? EXIT.software : Number(documented), actual)
    })
})

/** The list below the heading of a code, up to the first sentence: 'not-applied, retryable, exit 75.' */
function firstSentenceOf(code: ErrorCode): string {
  const page = readFileSync(join(REFERENCE, 'errors.md'), 'utf8')
  const heading = `### \`${code}\`\n`
  assert.ok(page.includes(heading), `${code} has no heading`)
  const text = page.slice(page.indexOf(heading) + heading.length)
  return text.slice(0, text.indexOf('. '))
}
