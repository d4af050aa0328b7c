/** Follows the tutorial about tests from the tarball, in an empty project: each program under tsx, and the first one under vitest. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeLong } from '../long.ts'
import { createProject, ROOT, run } from './pack.ts'

const TUTORIAL = readFileSync(join(ROOT, 'docs/tutorial/test-your-state-machine.md'), 'utf8')

/** Each program of the tutorial, with what it prints. */
const PROGRAMS = [
  ...TUTORIAL.matchAll(/```ts\n(?<code>[\s\S]*?)```(?:\n+It prints:\n+```\n(?<printed>[\s\S]*?)```)?/g),
].map(({ groups }) => ({ code: groups?.code as string, printed: groups?.printed }))

describeLong('the tutorial about tests, followed in an empty project', function () {
  this.timeout(300_000)
  let project: string
  before(() => {
    project = createProject('tutorial', ['fast-check', 'tsx'], ['vitest@4'])
    for (const [number, { code }] of PROGRAMS.entries()) writeFileSync(join(project, `locks-${number}.ts`), code)
  })

  for (const [number, { printed }] of PROGRAMS.entries())
    it(`prints what the page says, under tsx: program ${number + 1}`, () => {
      const { stdout, stderr, status } = run('npx', ['--no-install', 'tsx', `locks-${number}.ts`], project)
      assert.equal(status, 0, stderr)
      for (const line of linesOf(printed)) assert.ok(stdout.includes(line), `${line}\nis not in:\n${stdout}${stderr}`)
    })

  it('names the line of the call under vitest too', () => {
    writeFileSync(
      join(project, 'locks.test.ts'),
      `import { it } from 'vitest'\nit('runs', () => import('./locks-0.ts'), 60_000)\n`,
    )
    const { stdout, stderr, status } = run(
      'npx',
      ['--no-install', 'vitest', 'run', '--disable-console-intercept'],
      project,
    )
    assert.equal(status, 0, stderr)
    const [place = ''] = /:\d+:\d+\)/.exec(PROGRAMS[0]?.printed ?? '') ?? []
    assert.match(stdout, /apply\(\) of command 1 calls Date\.now\(\)/)
    assert.ok(stdout.includes(`locks-0.ts${place}`), `${place} is not in:\n${stdout}`)
  })
})

/** Those that are the same in every folder and on every machine. */
function linesOf(printed = ''): string[] {
  return printed.split('\n').filter((line) => line !== '' && !/\(?\/|…|\d %|\bin \d+ clusters/.test(line))
}
