/** The line of a forbidden call is that of the user's source, in the compiled package, however the user's program is loaded. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT, run } from './pack.ts'

const PROGRAM = `import fc from 'fast-check'
import { checkStateMachine } from 'quorate/testing'
import { roll } from 'dice'

const now = Date.now

interface Machine { apply(command: number): unknown }

class Sum implements Machine {
  apply(command: number): unknown {
    if (command === 3) return now()
    if (command === 2) return roll()
    return Date.now()
  }
  snapshot(): Uint8Array[] {
    return []
  }
  restore(): void {}
}

for (const command of [1, 2, 3])
  await checkStateMachine(() => new Sum() as never, { commands: fc.constant(command), runs: 0, logs: 1 }).catch((error: Error) =>
    console.log(error.message),
  )
`
const line = (text: string): number => PROGRAM.split('\n').findIndex((each) => each.includes(text)) + 1

describe('the line of a forbidden call', function () {
  this.timeout(120_000)
  let project = ''
  before(() => {
    project = realpathSync(mkdtempSync(join(tmpdir(), 'quorate-call-site-')))
    const write = (name: string, text: string): void => writeFileSync(join(project, name), text)
    write('package.json', '{ "type": "module", "dependencies": {} }')
    run('mkdir', ['-p', 'node_modules/dice'], project)
    write('node_modules/dice/package.json', '{ "main": "index.cjs" }')
    write('node_modules/dice/index.cjs', 'exports.roll = () => Math.random()\n')
    for (const [name, target] of [['quorate', ROOT]].concat(
      ['fast-check', 'tsx', 'pure-rand'].map((name) => [name, join(ROOT, 'node_modules', name)]),
    ) as [string, string][])
      if (existsSync(target)) symlinkSync(target, join(project, 'node_modules', name))
    write('locks.ts', PROGRAM)
    const compiler = join(ROOT, 'node_modules/.bin/tsc')
    const options = ['--module', 'nodenext', '--target', 'es2022', '--sourceMap', '--skipLibCheck', '--noCheck']
    run(compiler, [...options, '--removeComments', '--outDir', 'out', 'locks.ts'], project)
  })
  after(() => rmSync(project, { recursive: true, force: true }))

  const loaders: Readonly<Record<string, readonly string[]>> = {
    'node --enable-source-maps': ['--enable-source-maps', 'out/locks.js'],
    tsx: ['--import', 'tsx', 'locks.ts'],
    'tsx --enable-source-maps': ['--enable-source-maps', '--import', 'tsx', 'locks.ts'],
  }
  for (const [title, args] of Object.entries(loaders))
    it(`is that of the source under ${title}`, () => {
      const { stdout, stderr } = run(process.execPath, args, project)
      const at = (text: string): string => `Sum.apply (${project}/locks.ts:${line(text)}:`
      const [first = '', second = '', third = ''] = stdout.split(/^To repeat.*$/m)
      assert.ok(first.includes(`\n  at ${at('return Date.now')}`), stdout + stderr)
      assert.match(second, /calls Math\.random\(\)\. [^\n]*\n {2}at [^\n]*dice\/index\.cjs:1:\d+\)\n/)
      assert.ok(second.includes(`\n  at ${at('return roll')}`), second)
      assert.ok(third.includes(`\n  at ${at('return now')}`), third)
      assert.match(third, /calls Date\.now\(\) through a reference/)
    })

  it('is that of the compiled file under node', () => {
    const { stdout, stderr } = run(process.execPath, ['out/locks.js'], project)
    assert.match(stdout, /\n {2}at Sum\.apply \(\/[^\n]*\/out\/locks\.js:\d+:\d+\)\n/, stderr)
    assert.doesNotMatch(stdout, /\n {2}at [^\n]*(?:dist|src)\/testing/)
  })
})
