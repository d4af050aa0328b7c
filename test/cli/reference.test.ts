/** Tests that docs/reference/cli.md covers every flag and exit code. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { EXIT } from '../../src/cli/exit-codes.ts'
import { run } from '../../src/cli/program.ts'
import type { Terminal } from '../../src/cli/terminal.ts'

const PAGE = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'reference', 'cli.md'), 'utf8')

describe('docs/reference/cli.md', () => {
  for (const words of [
    '',
    'demo',
    'serve',
    'put',
    'get',
    'delete',
    'cas',
    'list',
    'changes',
    'status',
    'why',
    'version',
    'watch',
    'replay',
    'playground',
  ].concat([
    'member list',
    'member add',
    'member replace',
    'debug bundle',
    'metrics list',
    'member promote',
    'member demote',
    'member change',
    'member remove',
    'member update',
    'recover',
    'leader transfer',
    'snapshot take',
    'data convert',
    'cert init',
    'cert node',
    'cert client',
  ]))
    it(`lists every flag of quorate ${words}`, async () => {
      const help = await helpOf(words.split(' ').filter((word) => word !== ''))
      const flags = [...help.matchAll(/(?:^|\s)(--?[a-z][a-z-]*)/gm)].map((match) => match[1] as string)
      const known = ['--help', '-h', '--version']
      const page = sectionOf(words)
      const missing = flags.filter((flag) => !known.includes(flag) && !page.includes(`\`${flag}`))
      assert.deepEqual(missing, [])
      if (words !== '') assert.ok(PAGE.includes(`quorate ${words}`))
    })

  it('lists every exit code', () => {
    for (const code of Object.values(EXIT)) assert.match(PAGE, new RegExp(`^\\| .*\\b${code}\\b`, 'm'))
  })
})

/** The section of a command that has its own; otherwise the page. Every command has the flags of the section Data. */
function sectionOf(words: string): string {
  const sections = PAGE.split(/^(?=###? )/m)
  const own = sections.find((section) => section.startsWith(`### \`quorate ${words}`))
  const data = sections.find((section) => section.startsWith('## Data'))
  return words === '' || own === undefined ? PAGE : `${own}${data}`
}

async function helpOf(words: readonly string[]): Promise<string> {
  let printed = ''
  const terminal: Terminal = {
    out: (text) => {
      printed += String(text)
    },
    err: () => undefined,
    isTty: false,
    ask: async () => undefined,
    readInput: async () => new Uint8Array(0),
  }
  assert.equal(await run([...words, '--help'], terminal, '0.0.0'), 0)
  return printed
}
