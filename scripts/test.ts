/**
 * `make test`: runs Mocha in lanes at the same time, and passes its arguments on. The output of the first lane is live, and that of the others
 * follows it. With files as arguments it runs those in one Mocha. Writes the totals to the file named by TEST_TOTALS. Leaves out the tests of
 * `test/long.ts`, unless files are given or LONG_TESTS is set.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, sep } from 'node:path'

/** The folders with the tests that start processes, which wait more than they compute: a lane for each list. */
const PROCESS_LANES = { clusters: ['e2e', 'peer-link'], programs: ['cli', 'examples', 'public'] }
const PROCESS_FOLDERS = Object.values(PROCESS_LANES).flat()
const MOCHA = join(import.meta.dirname, '..', 'node_modules', '.bin', 'mocha')

interface Result {
  readonly code: number
  /** What was not written to the terminal at once. */
  readonly output: string
  readonly totals: readonly [passed: number, failed: number]
}

const args = process.argv.slice(2)
const folder = mkdtempSync(join(tmpdir(), 'quorate-test-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

const hasFiles = args.some((argument) => argument.endsWith('.ts'))
const longTests = hasFiles ? '1' : process.env.LONG_TESTS
const processLanes = (): Promise<Result>[] =>
  Object.entries(PROCESS_LANES).map(([name, folders], at) => run(name, [...args, '--spec', testsIn(folders)], at === 0))
const lanes = hasFiles ? [run('all', args, true)] : [...processLanes(), runRest()]
const ended = (await Promise.all(lanes)).flat()
for (const { output } of ended) process.stdout.write(output)

const [passed, failed] = [0, 1].map((column) =>
  ended.reduce((sum, { totals }) => sum + (totals[column] as number), 0),
) as [number, number]
console.log(`${passed} passed, ${failed} failed`)
if (process.env.TEST_TOTALS) writeFileSync(process.env.TEST_TOTALS, `${passed} passed, ${failed} failed\n`)
process.exitCode = Math.max(...ended.map(({ code }) => code))

/** The tests that compute, one Mocha after the other. */
async function runRest(): Promise<Result[]> {
  const checks = filesWithChecks()
  const checked = await run('checks', [...args, ...checks.flatMap((file) => ['--spec', file])], false)
  const ignored = [testsIn(PROCESS_FOLDERS), ...checks].flatMap((pattern) => ['--ignore', pattern])
  return [checked, await run('rest', [...args, '--spec', 'test/**/*.test.ts', ...ignored], false)]
}

function testsIn(folders: readonly string[]): string {
  return `test/{${folders}}/**/*.test.ts`
}

/** The tests of checkStateMachine have a process of their own: its guard costs several times as much where thousands of functions are loaded. */
function filesWithChecks(): string[] {
  return readdirSync('test', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts') && !PROCESS_FOLDERS.includes(name.split(sep)[0] as string))
    .map((name) => join('test', name))
    .filter((file) => readFileSync(file, 'utf8').includes('checkStateMachine('))
}

/** Resolves when Mocha has ended. Its output is collected unless it is live. */
async function run(name: string, mochaArgs: readonly string[], isLive: boolean): Promise<Result> {
  const file = join(folder, name)
  const colors = process.stdout.isTTY ? ['--color'] : []
  const mocha = spawn(MOCHA, [...mochaArgs, ...colors], {
    env: { ...process.env, ...(longTests && { LONG_TESTS: longTests }), TEST_TOTALS: file },
    stdio: ['ignore', isLive ? 'inherit' : 'pipe', isLive ? 'inherit' : 'pipe'],
  })
  const chunks: Buffer[] = []
  for (const stream of [mocha.stdout, mocha.stderr]) stream?.on('data', (chunk: Buffer) => chunks.push(chunk))
  const [code] = (await once(mocha, 'close')) as [number | null]
  return { code: code ?? 1, output: Buffer.concat(chunks).toString(), totals: totalsIn(file) }
}

/** A run that did not finish counts as a failure. */
function totalsIn(file: string): [number, number] {
  try {
    const [passed, failed] = (readFileSync(file, 'utf8').match(/\d+/g) ?? []).map(Number)
    return [passed as number, failed as number]
  } catch {
    return [0, 1]
  }
}
