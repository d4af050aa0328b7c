/** Follows the tutorial about tests from the tarball, in an empty project: each program under Node.js alone and tsx, the first one under vitest. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nodeRelease } from '../../scripts/node-release.ts'
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

  it('prints what the page says, under Node.js alone', function () {
    const node = stripsTypes() ? process.execPath : downloadedNode()
    assert.ok(node !== undefined || process.env.REQUIRE_TOOLS !== '1', 'Node.js 24 cannot be downloaded')
    if (node === undefined) this.skip()
    followed(node, [])
  })

  it('prints what the page says, under tsx', () => followed('npx', ['--no-install', 'tsx']))

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
    assert.match(stdout, /apply\(\) of command 1 calls Date\.now\(\)/)
    assertNamesLine(stdout)
  })

  function followed(program: string, args: readonly string[]): void {
    for (const [number, { printed }] of PROGRAMS.entries()) {
      const { stdout, stderr, status } = run(program, [...args, `locks-${number}.ts`], project)
      assert.equal(status, 0, stderr)
      for (const line of linesOf(printed)) assert.ok(stdout.includes(line), `${line}\nis not in:\n${stdout}${stderr}`)
      if (number === 0) assertNamesLine(stdout)
    }
  }
})

/** The line and column that the page names for the first program. */
function assertNamesLine(stdout: string): void {
  const [place = ''] = /:\d+:\d+\)/.exec(PROGRAMS[0]?.printed ?? '') ?? []
  assert.ok(stdout.includes(`locks-0.ts${place}`), `${place} is not in:\n${stdout}`)
}

/** Whether this release of Node.js runs TypeScript, as the page says of those from 22.18 on. */
function stripsTypes(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  return major > 22 || (major === 22 && minor >= 18)
}

/** Undefined if it could not be downloaded. */
function downloadedNode(): string | undefined {
  const release = nodeRelease('24')
  return release === undefined ? undefined : join(release.bin, 'node')
}

/** Those that are the same in every folder and on every machine. */
function linesOf(printed = ''): string[] {
  return printed.split('\n').filter((line) => line !== '' && !/\(?\/|…|\d %|\bin \d+ clusters/.test(line))
}
